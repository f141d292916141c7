import { ImproperlyConfigured } from '../errors.ts'
import type { SqlDialect } from './orm-adapter.ts'

export function dialectOf(dialect: string): SqlDialect {
  if (/postgres|cockroach/.test(dialect)) return 'postgres'
  if (/mysql|maria/.test(dialect)) return 'mysql'
  if (dialect.includes('sqlite')) return 'sqlite'
  throw new ImproperlyConfigured(`objection(knex) knows PostgreSQL, MySQL, MariaDB and SQLite; got '${dialect}'`)
}

export function fileOf(connection: unknown): { readonly file?: string } {
  const name =
    typeof connection === 'object' ? (connection as { readonly filename?: unknown } | null)?.filename : connection
  return typeof name === 'string' && name !== '' && name !== ':memory:' ? { file: name } : {}
}

/** Knex numbers `?` itself, in the order of the text. */
export function withBindings(sql: string, params: readonly unknown[]): [sql: string, bindings: readonly unknown[]] {
  const ordered: unknown[] = []
  const text = sql.replaceAll(/\$(\d+)/g, (_, number: string) => {
    ordered.push(params[Number(number) - 1])
    return '?'
  })
  return ordered.length > 0 ? [text, ordered] : [sql, params]
}

/** pg answers with an object, mysql2 with a pair, SQLite with the rows. */
export function rowsOf(answer: unknown): readonly Record<string, unknown>[] {
  const { rows } = answer as { readonly rows?: unknown }
  const list = rows ?? (Array.isArray(answer) && Array.isArray(answer[0]) ? answer[0] : answer)
  return Array.isArray(list) ? (list as Record<string, unknown>[]) : []
}
