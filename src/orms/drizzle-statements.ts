import type { DrizzleHandle } from './drizzle-types.ts'
import type { DrizzleSql } from './drizzle-reads.ts'
import type { SqlDialect } from './orm-adapter.ts'

interface Statement {
  readonly dialect: SqlDialect
  readonly text: string
  readonly params: readonly unknown[]
}

type Rows = readonly Readonly<Record<string, unknown>>[]

/** One statement with the placeholders of its dialect, and its rows if it gives any. */
export async function execute(handle: DrizzleHandle, sql: DrizzleSql, statement: Statement): Promise<Rows> {
  const query = bound(sql, statement)
  if (statement.dialect !== 'sqlite') return rowsOf(await handle.execute?.(query))
  // better-sqlite3 refuses all() for what gives no rows
  if (/^\s*(select|with)\b|\breturning\b/i.test(statement.text)) return rowsOf(await handle.all?.(query))
  await handle.run?.(query)
  return []
}

function bound(sql: DrizzleSql, { dialect, text, params }: Statement): object {
  let next = 0
  const places = dialect === 'postgres' ? /\$(\d+)/ : /(\?)/
  const chunks = text.split(places).map((piece, index) => {
    if (index % 2 === 0) return sql.raw(piece)
    return sql.param(params[dialect === 'postgres' ? Number(piece) - 1 : next++])
  })
  return sql.join(chunks)
}

/** Rows, `{ rows }` (pg), or `[rows, fields]` (mysql2). */
function rowsOf(result: unknown): Rows {
  const rows: unknown = Array.isArray(result) ? result : (result as { readonly rows?: unknown } | undefined)?.rows
  if (!Array.isArray(rows)) return []
  const first: unknown = rows[0]
  if (Array.isArray(first)) return first as Rows
  return isResultHeader(first) ? [] : (rows as Rows)
}

/** What mysql2 gives for a statement without rows. */
function isResultHeader(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'affectedRows' in value && 'insertId' in value
}
