import path from 'node:path'
import { DataSource, EntitySchema } from 'typeorm'

/** One of the world's cities with at least 1,000 inhabitants. */
export class City {
  declare id: number
  declare name: string
  declare country: string
  declare featureCode: string
  declare population: number
  declare latitude: number
  declare longitude: number
  /** As the crow flies; null until measured. */
  declare kmFromCapital: number | null
}

/** What the tasks find out about a country. The version grows with every change of the row. */
export class Country {
  declare code: string
  declare capitalId: number
  /** Private: must never appear in a message. */
  declare note: string
  declare farthestId: number | null
  declare farthestKm: number | null
  declare version: number
}

export const rowsFile = 'rows.db'

const cities = new EntitySchema<City>({
  target: City,
  name: 'City',
  tableName: 'cities',
  columns: {
    id: { type: Number, primary: true },
    name: { type: String },
    country: { type: String },
    featureCode: { type: String, name: 'feature_code' },
    population: { type: Number },
    latitude: { type: 'real' },
    longitude: { type: 'real' },
    kmFromCapital: { type: 'real', name: 'km_from_capital', nullable: true },
  },
  indices: [{ columns: ['country', 'kmFromCapital'] }],
})

const countries = new EntitySchema<Country>({
  target: Country,
  name: 'Country',
  tableName: 'countries',
  columns: {
    code: { type: String, primary: true },
    capitalId: { type: Number, name: 'capital_id' },
    note: { type: String },
    farthestId: { type: Number, name: 'farthest_id', nullable: true },
    farthestKm: { type: 'real', name: 'farthest_km', nullable: true },
    version: { type: Number, version: true },
  },
})

/** The file of rows in a folder, created at the first use; each process opens it for itself. */
export function openRows(folder: string): Promise<DataSource> {
  const database = path.join(folder, rowsFile)
  const entities = [cities, countries]
  const dataSource = new DataSource({ type: 'better-sqlite3', database, entities, synchronize: true, enableWAL: true })
  return dataSource.initialize()
}
