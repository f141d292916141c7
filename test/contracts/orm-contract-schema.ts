import type { SqlDialect } from '../../src/orms/orm-adapter.ts'
import type { TestDatabase } from '../services.ts'

interface Types {
  readonly id: string
  readonly uuid: string
  readonly time: string
  readonly json: string
  /** What MySQL and SQLite would not read otherwise. */
  readonly quote: string
}

const types: Readonly<Record<SqlDialect, Types>> = {
  sqlite: { id: 'INTEGER PRIMARY KEY', uuid: 'TEXT', time: 'DATETIME', json: 'TEXT', quote: '"' },
  postgres: { id: 'SERIAL PRIMARY KEY', uuid: 'UUID', time: 'TIMESTAMP(3)', json: 'JSON', quote: '"' },
  mysql: { id: 'INTEGER AUTO_INCREMENT PRIMARY KEY', uuid: 'CHAR(36)', time: 'DATETIME(3)', json: 'JSON', quote: '`' },
}

/** The tables of the contract, by name, with their columns. */
function columnsOf(dialect: SqlDialect): Readonly<Record<string, readonly string[]>> {
  const { id, uuid, time, json, quote } = types[dialect]
  const quoted = (name: string): string => `${quote}${name}${quote}`
  const tables = {
    users: [
      `id ${id}`,
      'name VARCHAR(200) NOT NULL',
      'version INTEGER NOT NULL DEFAULT 1',
      `${quoted('deletedAt')} ${time} NULL`,
      `tags ${json} NULL`,
    ],
    seats: [
      `${quoted('row')} INTEGER NOT NULL`,
      'seat VARCHAR(20) NOT NULL',
      'holder VARCHAR(200) NOT NULL',
      `PRIMARY KEY (${quoted('row')}, seat)`,
    ],
    tokens: [`id ${uuid} PRIMARY KEY`, 'name VARCHAR(200) NOT NULL'],
    ledgers: ['id BIGINT PRIMARY KEY', 'name VARCHAR(200) NOT NULL'],
    days: [`${quoted('day')} DATE PRIMARY KEY`, 'name VARCHAR(200) NOT NULL'],
    posts: [`id ${id}`, 'title VARCHAR(200) NOT NULL', `${quoted('authorId')} INTEGER NOT NULL`],
    /** One table for the hierarchy Animal, Dog, Cat, where the ORM has such. */
    animals: [`id ${id}`, 'kind VARCHAR(20) NOT NULL', 'name VARCHAR(200) NOT NULL'],
  }
  const debtor = 'debtor INTEGER REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED'
  return dialect === 'mysql' ? tables : { ...tables, debts: [`id ${id}`, debtor] }
}

/** The name of a column as the dialect wants it, for columns in mixed case and reserved words. */
export function quoted(dialect: SqlDialect, name: string): string {
  const { quote } = types[dialect]
  return `${quote}${name}${quote}`
}

export async function createTables(database: TestDatabase): Promise<void> {
  for (const [name, columns] of Object.entries(columnsOf(database.dialect))) {
    await database.execute(`CREATE TABLE ${name} (${columns.join(', ')})`)
  }
}

/** No rows, and ids begin with 1 again. A transaction that a failed test left open must not hold this up. */
export async function emptyTables(database: TestDatabase): Promise<void> {
  await database.killConnections()
  const names = Object.keys(columnsOf(database.dialect)).toReversed()
  if (database.dialect === 'postgres') await database.execute(`TRUNCATE ${names.join(', ')} RESTART IDENTITY`)
  else if (database.dialect === 'mysql') for (const name of names) await database.execute(`TRUNCATE ${name}`)
  else for (const name of names) await database.execute(`DELETE FROM ${name}`)
}
