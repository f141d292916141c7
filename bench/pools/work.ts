export type PoolFlavour = 'async' | 'thread' | 'process'

/** Two small ints and a string of 200 bytes. */
export function argumentsOf(n: number): readonly [number, number, string] {
  return [n % 100, 4, 'x'.repeat(200)]
}
