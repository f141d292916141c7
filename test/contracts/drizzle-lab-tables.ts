import type { SqlDialect } from '../../src/orms/orm-adapter.ts'
import type { LabRows } from './orm-contract-tools.ts'
import type { DrizzleVersion } from './drizzle-versions.ts'

/** The tables of the contract, by model. */
export type LabTables = Readonly<Record<keyof LabRows, object>>

export function labTables(version: DrizzleVersion, dialect: SqlDialect): LabTables {
  if (dialect === 'sqlite') return sqliteTables(version)
  return dialect === 'postgres' ? postgresTables(version) : mysqlTables(version)
}

function sqliteTables({ sqlite }: DrizzleVersion): LabTables {
  const { sqliteTable, integer, text, primaryKey } = sqlite.tables
  return {
    User: sqliteTable('users', {
      id: integer().primaryKey(),
      name: text().notNull(),
      version: integer().notNull().default(1),
      deletedAt: text(),
      tags: text({ mode: 'json' }),
    }),
    Seat: sqliteTable('seats', { row: integer(), seat: text(), holder: text().notNull() }, (seat) => [
      primaryKey({ columns: [seat.row, seat.seat] }),
    ]),
    Token: sqliteTable('tokens', { id: text().primaryKey(), name: text().notNull() }),
    Ledger: sqliteTable('ledgers', { id: integer().primaryKey(), name: text().notNull() }),
    Day: sqliteTable('days', { day: text().primaryKey(), name: text().notNull() }),
    Post: sqliteTable('posts', { id: integer().primaryKey(), title: text().notNull(), authorId: integer().notNull() }),
  }
}

function postgresTables({ postgres }: DrizzleVersion): LabTables {
  const { pgTable, serial, integer, varchar, timestamp, json, uuid, bigint, date, primaryKey } = postgres.tables
  return {
    User: pgTable('users', {
      id: serial().primaryKey(),
      name: varchar().notNull(),
      version: integer().notNull().default(1),
      deletedAt: timestamp({ precision: 3 }),
      tags: json(),
    }),
    Seat: pgTable('seats', { row: integer(), seat: varchar(), holder: varchar().notNull() }, (seat) => [
      primaryKey({ columns: [seat.row, seat.seat] }),
    ]),
    Token: pgTable('tokens', { id: uuid().primaryKey(), name: varchar().notNull() }),
    Ledger: pgTable('ledgers', { id: bigint({ mode: 'bigint' }).primaryKey(), name: varchar().notNull() }),
    Day: pgTable('days', { day: date({ mode: 'date' }).primaryKey(), name: varchar().notNull() }),
    Post: pgTable('posts', { id: serial().primaryKey(), title: varchar().notNull(), authorId: integer().notNull() }),
  }
}

function mysqlTables({ mysql }: DrizzleVersion): LabTables {
  const { mysqlTable, int, varchar, char, datetime, json, bigint, date, primaryKey } = mysql.tables
  const length = 200
  return {
    User: mysqlTable('users', {
      id: int().autoincrement().primaryKey(),
      name: varchar({ length }).notNull(),
      version: int().notNull().default(1),
      deletedAt: datetime({ fsp: 3 }),
      tags: json(),
    }),
    Seat: mysqlTable(
      'seats',
      { row: int(), seat: varchar({ length }), holder: varchar({ length }).notNull() },
      (seat) => [primaryKey({ columns: [seat.row, seat.seat] })],
    ),
    Token: mysqlTable('tokens', { id: char({ length: 36 }).primaryKey(), name: varchar({ length }).notNull() }),
    Ledger: mysqlTable('ledgers', { id: bigint({ mode: 'bigint' }).primaryKey(), name: varchar({ length }).notNull() }),
    Day: mysqlTable('days', { day: date({ mode: 'string' }).primaryKey(), name: varchar({ length }).notNull() }),
    Post: mysqlTable('posts', {
      id: int().autoincrement().primaryKey(),
      title: varchar({ length }).notNull(),
      authorId: int().notNull(),
    }),
  }
}
