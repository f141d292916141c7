import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { OperationalError } from '../errors.ts'
import { CommitWatch } from './sqlite-commit-watch.ts'
import { openConnection, patiently, resolveSqlitePath } from './sqlite-connection.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import { SqliteFileIdentity } from './sqlite-file-identity.ts'
import { WriteQueue } from './sqlite-writes.ts'

export interface SqliteOptions {
  /**
   * `normal` (default): a commit survives any process that dies, the last ones may be lost with the power. `full`: each
   * commit reaches the disk first. Of several openers of one file the stricter wins.
   */
  readonly synchronous?: 'normal' | 'full'
  /** How long an operation waits for a locked file before it fails. Milliseconds, default 10,000; the longest asked for wins. */
  readonly busyDeadlineMs?: number
}

/** What all handles on one file share. */
interface Shared {
  readonly path: string
  readonly connection: DatabaseSync
  readonly file: SqliteFileIdentity
  readonly writes: WriteQueue
  readonly watch: CommitWatch
  readonly statements: Map<string, StatementSync>
  handles: number
}

/** The files open in this process, by real path: one connection each, because SQLite knows one writer at a time. */
const open = new Map<string, Promise<Shared>>()

/** Opens the file, creating it and its folder when they are missing. Dispose of what you get; the last one closes it. */
export async function openSqliteDatabase(path: string, options: SqliteOptions = {}): Promise<SqliteDatabase> {
  const { synchronous = 'normal', busyDeadlineMs = 10_000 } = options
  const realPath = await resolveSqlitePath(path)
  let opening = open.get(realPath)
  if (!opening) {
    opening = openShared(realPath, synchronous, busyDeadlineMs)
    open.set(realPath, opening)
    opening.catch(() => open.delete(realPath))
  }
  const shared = await opening
  // Closed by its last owner while we waited.
  if (open.get(realPath) !== opening) return openSqliteDatabase(path, options)
  shared.handles++
  if (synchronous === 'full') shared.connection.exec('PRAGMA synchronous = full')
  shared.writes.deadlineMs = Math.max(shared.writes.deadlineMs, busyDeadlineMs)
  return new Handle(shared)
}

async function openShared(path: string, synchronous: string, deadlineMs: number): Promise<Shared> {
  const connection = await openConnection(path, synchronous, deadlineMs)
  const watch = new CommitWatch(connection, path)
  const file = new SqliteFileIdentity(path)
  const writes = new WriteQueue(connection, path, file, deadlineMs, () => watch.tellOwn())
  return { path, connection, file, writes, watch, statements: new Map(), handles: 0 }
}

async function release(shared: Shared): Promise<void> {
  if (--shared.handles > 0) return
  open.delete(shared.path)
  await shared.writes.idle()
  shared.watch.stop()
  shared.connection.close()
}

class Handle implements SqliteDatabase {
  readonly path: string
  readonly #shared: Shared
  readonly #listeners: Set<Disposable> = new Set()
  /** Refuses what is new; what was asked for before goes on. */
  #isClosing = false
  #isClosed = false

  constructor(shared: Shared) {
    this.path = shared.path
    this.#shared = shared
  }

  async migrate(component: string, migrations: readonly string[]): Promise<void> {
    const version = await this.read(() => this.#version(component))
    if (version === migrations.length) return
    await this.write(() => {
      const from = this.#version(component)
      if (from > migrations.length) {
        throw new OperationalError(
          `SQLite file ${this.path}: its ${component} tables have version ${from}, this release of celeriac knows ${migrations.length}. Update celeriac, or name another file`,
        )
      }
      for (const migration of migrations.slice(from)) this.#shared.connection.exec(migration)
      this.prepare('INSERT OR REPLACE INTO celeriac_schema (component, version) VALUES (?, ?)').run(
        component,
        migrations.length,
      )
    })
  }

  prepare(sql: string): StatementSync {
    this.#assertOpen()
    let statement = this.#shared.statements.get(sql)
    if (!statement) {
      statement = this.#shared.connection.prepare(sql)
      this.#shared.statements.set(sql, statement)
    }
    return statement
  }

  async read<T>(work: () => T): Promise<T> {
    if (this.#isClosing) throw this.#closedError()
    return patiently(this.path, this.#shared.writes.deadlineMs, () => {
      this.#assertOpen()
      this.#shared.file.check()
      return work()
    })
  }

  write<T>(work: () => T): Promise<T> {
    if (this.#isClosing) return Promise.reject(this.#closedError())
    return this.#shared.writes.write(work)
  }

  onCommit(listener: () => void): Disposable {
    this.#assertOpen()
    const registration = this.#shared.watch.add(listener)
    this.#listeners.add(registration)
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(registration)
        registration[Symbol.dispose]()
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    for (const registration of this.#listeners) registration[Symbol.dispose]()
    await this.#shared.writes.idle()
    this.#isClosed = true
    await release(this.#shared)
  }

  #version(component: string): number {
    return Number(
      this.prepare('SELECT version FROM celeriac_schema WHERE component = ?').get(component)?.['version'] ?? 0,
    )
  }

  #assertOpen(): void {
    if (this.#isClosed) throw this.#closedError()
  }

  #closedError(): OperationalError {
    return new OperationalError(`SQLite file ${this.path}: used after it was closed`)
  }
}
