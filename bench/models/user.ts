import { DataSource, EntitySchema, type DataSourceOptions } from 'typeorm'

export type Database = 'sqlite' | 'postgres'

export class User {
  declare id: number
  declare name: string
  declare email: string
  declare version: number
}

const schema = new EntitySchema<User>({
  target: User,
  name: 'User',
  tableName: 'bench_user',
  columns: {
    id: { type: 'integer', primary: true },
    name: { type: 'varchar' },
    email: { type: 'varchar' },
    version: { type: 'integer', version: true },
  },
})

export const userCount = 1000

/** A data source with 1,000 users, and TypeORM's default pool. */
export async function openUsers(database: Database, url: string): Promise<DataSource> {
  const options: Record<Database, DataSourceOptions> = {
    sqlite: { type: 'better-sqlite3', database: url, enableWAL: true },
    postgres: { type: 'postgres', url },
  }
  const source = await new DataSource({ ...options[database], entities: [schema] } as DataSourceOptions).initialize()
  await source.synchronize(true)
  const users = Array.from({ length: userCount }, (_, id) =>
    Object.assign(new User(), { id, name: `user ${id}`, email: `user-${id}@example.org` }),
  )
  await source.manager.save(users, { chunk: 100 })
  return source
}
