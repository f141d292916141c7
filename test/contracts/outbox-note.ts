// A table of notes by TypeORM, on any database that outboxes are tested on.
import { DataSource, EntitySchema, type DataSourceOptions } from 'typeorm'
import type { SqlDialect } from '../../src/orms/orm-adapter.ts'

export class Note {
  declare id: number
  declare text: string
}

const schema = new EntitySchema<Note>({
  target: Note,
  name: 'Note',
  columns: { id: { type: 'integer', primary: true, generated: true }, text: { type: 'varchar', length: 100 } },
})

/** `url` is the path of a file for SQLite. Pools have `connections` connections at most. */
export function openNotes(dialect: SqlDialect, url: string, connections = 4): Promise<DataSource> {
  const options: Record<SqlDialect, DataSourceOptions> = {
    sqlite: { type: 'better-sqlite3', database: url, enableWAL: true, timeout: 20_000, prepareDatabase },
    postgres: { type: 'postgres', url, poolSize: connections },
    mysql: { type: 'mariadb', url, poolSize: connections },
  }
  return new DataSource({ ...options[dialect], entities: [schema] } as DataSourceOptions).initialize()
}

/** What is killed here is processes, not the power: every commit need not reach the disk. */
function prepareDatabase(database: { pragma(text: string): unknown }): void {
  database.pragma('synchronous = normal')
}

export async function createNotes(source: DataSource): Promise<void> {
  await source.synchronize()
}

export function noteOf(text: string): Note {
  return Object.assign(new Note(), { text })
}
