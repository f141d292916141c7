import type { SqlDialect } from '../../src/orms/orm-adapter.ts'

export type SqlRow = Readonly<Record<string, unknown>>

/** An empty database of a test file, and a connection to it that is not the ORM's. Disposing drops it. */
export interface TestDatabase extends AsyncDisposable {
  readonly dialect: SqlDialect
  /** `postgres://…/name`, `mysql://…/name`, or the path of an SQLite file. */
  readonly url: string
  /** Statements on a connection of its own, as another process would make them. The rows of the last. */
  execute(sql: string): Promise<readonly SqlRow[]>
  /** The server's ids of all other connections to this database. On PostgreSQL they are process ids. */
  connections(): Promise<readonly number[]>
  /** Ends them from the server's side, by a statement that waits `afterMs` first. How many there were. */
  killConnections(afterMs?: number): Promise<number>
}

/** The same server, another database. */
export function withDatabaseName(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}
