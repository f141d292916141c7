import { placeholders } from '../app/outbox-table.ts'
import type { OrmTransactions, SqlDialect } from '../orms/orm-adapter.ts'
import type { OutboxCount, OutboxRow } from './outbox-rows.ts'

/** What the messages of a batch may take in memory; a larger one goes alone. */
const maxBatchBytes = 8 * 1024 * 1024

/** The ids of the first rows that fit into a batch, of rows with `id` and `bytes`. */
export function idsThatFit(rows: readonly OutboxRow[]): unknown[] {
  let bytes = 0
  const end = rows.findIndex((row, index) => (bytes += Number(row['bytes'])) > maxBatchBytes && index > 0)
  return idsOf(end === -1 ? rows : rows.slice(0, end))
}

export function idsOf(rows: readonly OutboxRow[]): unknown[] {
  return rows.map((row) => row['id'])
}

export function countSql(table: string): string {
  return `SELECT COUNT(*) AS waiting, MIN(created) AS oldest FROM ${table}`
}

export function countOf([row]: readonly OutboxRow[]): OutboxCount {
  const oldest = row?.['oldest']
  return {
    waiting: Number(row?.['waiting'] ?? 0),
    oldest: oldest === null || oldest === undefined ? undefined : Number(oldest),
  }
}

/** Of those that are LIKE a pattern; it may fit some rows of other tasks. */
const mostFound = 10

/** `held`: an expression. */
export function findSql(dialect: SqlDialect, table: string, held: string): string {
  const ahead = `(SELECT COUNT(*) FROM ${table} AS earlier WHERE earlier.id < found.id)`
  return (
    `SELECT queue, message, due, created, ${ahead} AS ahead, ${held} AS held FROM ${table} AS found ` +
    `WHERE message LIKE ${placeholders(dialect, 1)} ORDER BY id LIMIT ${mostFound}`
  )
}

export function selectSql(dialect: SqlDialect, table: string, count: number): string {
  const ids = placeholders(dialect, count)
  return `SELECT id, queue, message, due FROM ${table} WHERE id IN (${ids}) ORDER BY id`
}

/** Whether a server has the table; `name` may have a schema before it. */
export async function tableExists(
  transactions: OrmTransactions,
  tx: object,
  name: string,
  currentSchema: string,
): Promise<boolean> {
  const { dialect } = transactions
  const [table = '', schema] = name.split('.').toReversed()
  const inSchema = schema === undefined ? currentSchema : placeholders(dialect, 1, 2)
  const sql =
    'SELECT 1 AS found FROM information_schema.tables ' +
    `WHERE table_name = ${placeholders(dialect, 1)} AND table_schema = ${inSchema}`
  return (await transactions.execute(tx, sql, schema === undefined ? [table] : [table, schema])).length > 0
}
