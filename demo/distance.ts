interface Place {
  readonly latitude: number
  readonly longitude: number
}

const earthRadiusKm = 6371.0088

/** The great-circle distance of two places. */
export function kmBetween(one: Place, other: Place): number {
  const phi1 = radians(one.latitude)
  const phi2 = radians(other.latitude)
  const halfPhi = Math.sin((phi2 - phi1) / 2)
  const halfLambda = Math.sin(radians(other.longitude - one.longitude) / 2)
  const square = halfPhi ** 2 + Math.cos(phi1) * Math.cos(phi2) * halfLambda ** 2
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(square)))
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
