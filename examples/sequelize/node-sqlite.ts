import { DatabaseSync } from 'node:sqlite'

type Parameters = Readonly<Record<string, unknown>> | readonly unknown[]
type Callback = (this: Statement, error: Error | null, rows?: unknown[]) => void

/** What callbacks have as `this`; Sequelize asks for the name of this class. */
class Statement {
  lastID = 0
  changes = 0
}

/** As much of the package `sqlite3` as Sequelize 6 uses, on node:sqlite: its `dialectModule`. */
export class Database {
  readonly filename: string
  readonly #database: DatabaseSync

  constructor(filename: string, _mode: number, opened: (error: Error | null) => void) {
    this.filename = filename
    this.#database = new DatabaseSync(filename, { timeout: 10_000 })
    setImmediate(() => opened(null))
  }

  run(sql: string, ...rest: (Parameters | Callback)[]): void {
    this.#execute(sql, rest, (statement, parameters, self) => {
      const { lastInsertRowid, changes } = statement.run(...parameters)
      Object.assign(self, { lastID: Number(lastInsertRowid), changes: Number(changes) })
      return []
    })
  }

  all(sql: string, ...rest: (Parameters | Callback)[]): void {
    this.#execute(sql, rest, (statement, parameters) => {
      statement.setReadBigInts(true)
      return statement.all(...parameters).map((row) => Object.fromEntries(Object.entries(row).map(readable)))
    })
  }

  serialize(body: () => void): void {
    body()
  }

  close(closed?: (error: Error | null) => void): void {
    if (this.#database.isOpen) this.#database.close()
    if (closed) setImmediate(() => closed(null))
  }

  #execute(
    sql: string,
    rest: readonly (Parameters | Callback)[],
    execute: (statement: ReturnType<DatabaseSync['prepare']>, parameters: never[], self: Statement) => unknown[],
  ): void {
    const callback = rest.find((part): part is Callback => typeof part === 'function')
    const given = rest.find((part): part is Parameters => typeof part !== 'function')
    const self = new Statement()
    let rows: unknown[] | undefined
    let failure: Error | null = null
    try {
      rows = execute(this.#database.prepare(sql), bindable(given), self)
    } catch (error) {
      failure = coded(error as Error)
    }
    if (failure && !callback) throw failure
    setImmediate(() => callback?.call(self, failure, rows))
  }
}

/** Names of parameters without values are refused by node:sqlite, booleans too. */
function bindable(parameters: Parameters = []): never[] {
  const value = (part: unknown): unknown => (typeof part === 'boolean' ? Number(part) : (part ?? null))
  if (Array.isArray(parameters)) return parameters.map(value) as never[]
  return [Object.fromEntries(Object.entries(parameters).map(([name, part]) => [name, value(part)]))] as never[]
}

function readable([name, value]: [string, unknown]): [string, unknown] {
  if (typeof value !== 'bigint') return [name, value instanceof Uint8Array ? Buffer.from(value) : value]
  return [name, Number.isSafeInteger(Number(value)) ? Number(value) : String(value)]
}

const codes: Readonly<Record<number, string>> = { 5: 'SQLITE_BUSY', 19: 'SQLITE_CONSTRAINT' }

function coded(error: Error): Error {
  const { errcode = 1 } = error as { readonly errcode?: number }
  return Object.assign(error, { code: codes[errcode & 0xff] ?? 'SQLITE_ERROR' })
}

export const nodeSqlite: object = { Database, OPEN_READWRITE: 2, OPEN_CREATE: 4 }
