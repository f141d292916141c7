import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { OperationalError } from '../errors.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { throwLater } from '../util/throw-later.ts'
import { loadMeta } from './stored-meta.ts'

interface Watcher {
  readonly onMeta: (meta: TaskMeta) => void
  /** The last id that was there before it began to watch. */
  readonly afterId: number
}

interface Change {
  readonly id: number
  readonly taskId: string
  readonly meta: string
}

/** Rows of one read. */
const windowSize = 500
/** After a read that failed. The watch goes on: `fetch` and `store` are there to say what is wrong with the file. */
const retryMs = 1000

/**
 * Tells of stored results. After each commit it reads the rows with an id above the last one seen, once for all
 * watchers, however many tasks they watch; while nobody watches it does nothing.
 */
export class SqliteResultWatch {
  readonly #database: SqliteDatabase
  readonly #selectLast: StatementSync
  readonly #selectIds: StatementSync
  readonly #selectMeta: StatementSync
  readonly #watchers = new Map<string, Set<Watcher>>()
  #commits: Disposable | undefined
  #retry: NodeJS.Timeout | undefined
  #lastId = 0
  #state: 'idle' | 'reading' | 'readingAndStale' = 'idle'

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#selectLast = database.prepare('SELECT last FROM result_sequence')
    this.#selectIds = database.prepare('SELECT id, task_id FROM results WHERE id > ? ORDER BY id LIMIT ?')
    this.#selectMeta = database.prepare('SELECT meta FROM results WHERE id = ?')
  }

  async watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void): Promise<AsyncDisposable> {
    const afterId = await this.#database.read(() => Number(this.#selectLast.get()?.['last']))
    const watcher: Watcher = { onMeta, afterId }
    if (!this.#commits) {
      this.#lastId = afterId
      this.#commits = this.#database.onCommit(() => this.#look())
    }
    for (const taskId of taskIds) {
      const watchers = this.#watchers.get(taskId)
      if (watchers) watchers.add(watcher)
      else this.#watchers.set(taskId, new Set([watcher]))
    }
    // What was committed between the read and the listener.
    this.#look()
    return { [Symbol.asyncDispose]: async () => this.#remove(taskIds, watcher) }
  }

  stop(): void {
    this.#watchers.clear()
    this.#commits?.[Symbol.dispose]()
    this.#commits = undefined
    clearTimeout(this.#retry)
  }

  #remove(taskIds: readonly string[], watcher: Watcher): void {
    for (const taskId of taskIds) {
      const watchers = this.#watchers.get(taskId)
      if (watchers?.delete(watcher) && watchers.size === 0) this.#watchers.delete(taskId)
    }
    if (this.#watchers.size === 0) this.stop()
  }

  #look(): void {
    if (this.#state !== 'idle') {
      this.#state = 'readingAndStale'
      return
    }
    this.#state = 'reading'
    setImmediate(() => void this.#readChanges())
  }

  /** Settles in any case: a failed read is tried again. */
  async #readChanges(): Promise<void> {
    try {
      while (this.#commits) {
        this.#state = 'reading'
        const { changes, isAll } = await this.#database.read(() => this.#nextChanges())
        for (const change of changes) this.#tell(change)
        if (isAll && this.#isUpToDate()) break
        await new Promise((resolve) => setImmediate(resolve))
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throwLater(error)
      clearTimeout(this.#retry)
      if (this.#commits) this.#retry = setTimeout(() => this.#look(), retryMs)
    }
    this.#state = 'idle'
  }

  #isUpToDate(): boolean {
    return this.#state !== 'readingAndStale'
  }

  #nextChanges(): { readonly changes: Change[]; readonly isAll: boolean } {
    const rows = this.#selectIds.all(this.#lastId, windowSize)
    const changes: Change[] = []
    for (const row of rows) {
      const taskId = String(row['task_id'])
      if (!this.#watchers.has(taskId)) continue
      const id = Number(row['id'])
      // Missing if it was stored anew meanwhile: it comes again under a higher id.
      const meta = this.#selectMeta.get(id)?.['meta']
      if (typeof meta === 'string') changes.push({ id, taskId, meta })
    }
    this.#lastId = Number(rows.at(-1)?.['id'] ?? this.#lastId)
    return { changes, isAll: rows.length < windowSize }
  }

  #tell({ id, taskId, meta }: Change): void {
    for (const { onMeta, afterId } of this.#watchers.get(taskId) ?? []) {
      const state = id > afterId ? decode(taskId, meta) : undefined
      try {
        if (state) onMeta(state)
      } catch (error) {
        throwLater(error)
      }
    }
  }
}

/** A row that cannot be read, from a newer release perhaps, must not end the process; `fetch` throws for it. */
function decode(taskId: string, text: string): TaskMeta | undefined {
  try {
    return loadMeta(text)
  } catch (error) {
    process.emitWarning(`The stored state of task ${taskId} cannot be read: ${String(error)}`, 'CeleriacWarning')
    return undefined
  }
}
