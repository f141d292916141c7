import { openSqliteDatabase } from '../drivers/open-sqlite-database.ts'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { parseSqliteUrl } from '../drivers/sqlite-url.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import {
  workflowExpiresMs,
  type BackendOptions,
  type GroupPart,
  type GroupProgress,
  type IdleGroup,
  type ResultBackend,
} from './backend.ts'
import { SqliteGroups } from './sqlite-groups.ts'
import { SqliteResultWatch } from './sqlite-result-watch.ts'
import { SqliteResults } from './sqlite-results.ts'
import { SqliteWorkflows } from './sqlite-workflows.ts'
import { dumpMeta, dumpPart, loadMeta, loadPart } from './stored-meta.ts'

/** `id` first and `meta` last: the clean-up and the watch read the short columns only. */
const migrations = [
  `CREATE TABLE results (
     id INTEGER PRIMARY KEY, is_final INTEGER NOT NULL, expires_at INTEGER, task_id TEXT NOT NULL UNIQUE, meta TEXT NOT NULL
   );
   CREATE TABLE result_sequence (last INTEGER NOT NULL);
   INSERT INTO result_sequence VALUES (0);
   CREATE TABLE result_groups (
     id INTEGER PRIMARY KEY AUTOINCREMENT, group_id TEXT UNIQUE, parts INTEGER NOT NULL, expires_at INTEGER
   );
   CREATE TABLE result_group_parts (
     group_row INTEGER NOT NULL, task_id TEXT NOT NULL, part_index INTEGER NOT NULL, meta TEXT NOT NULL,
     PRIMARY KEY (group_row, task_id)
   ) WITHOUT ROWID;`,
  `ALTER TABLE result_groups ADD COLUMN size INTEGER;
   ALTER TABLE result_groups ADD COLUMN extra INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE result_groups ADD COLUMN is_closed INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE result_groups ADD COLUMN task_ids TEXT;
   ALTER TABLE result_group_parts ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE result_group_parts ADD COLUMN token TEXT;`,
  `CREATE TABLE result_workflows (
     id INTEGER PRIMARY KEY, workflow_id TEXT NOT NULL UNIQUE, unused INTEGER NOT NULL, expires_at INTEGER
   );
   CREATE TABLE result_workflow_parts (
     workflow INTEGER NOT NULL, part INTEGER NOT NULL, text TEXT, PRIMARY KEY (workflow, part)
   ) WITHOUT ROWID;`,
  `ALTER TABLE result_groups ADD COLUMN body TEXT;
   ALTER TABLE result_groups ADD COLUMN touched_at INTEGER NOT NULL DEFAULT 0;`,
]

/** Ids of one read: reading is synchronous, so that more would hold up the event loop. */
const largestFetch = 1000

/**
 * Opens a result backend in an SQLite file, which may be that of the broker; file and folder are created on first use.
 * Throws OperationalError for a file that cannot be used.
 */
export async function openSqliteBackend(url: string, options: BackendOptions): Promise<ResultBackend> {
  const database = await openSqliteDatabase(parseSqliteUrl(url))
  try {
    await database.migrate('results', migrations)
    return new SqliteBackend(database, options)
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}

class SqliteBackend implements ResultBackend {
  readonly #database: SqliteDatabase
  readonly #options: BackendOptions
  readonly #results: SqliteResults
  readonly #groups: SqliteGroups
  readonly #workflows: SqliteWorkflows
  readonly #watch: SqliteResultWatch

  constructor(database: SqliteDatabase, options: BackendOptions) {
    this.#database = database
    this.#options = options
    this.#results = new SqliteResults(database)
    this.#groups = new SqliteGroups(database)
    this.#workflows = new SqliteWorkflows(database)
    this.#watch = new SqliteResultWatch(database)
  }

  async store(meta: TaskMeta): Promise<void> {
    const row = {
      taskId: meta.taskId,
      isFinal: meta.status === 'SUCCESS',
      meta: dumpMeta(meta, this.#options.extended ?? false),
      expiresAt: this.#expiresAt(),
    }
    await this.#results.store(row)
  }

  async fetch(taskIds: readonly string[]): Promise<(TaskMeta | undefined)[]> {
    const metas: (TaskMeta | undefined)[] = []
    for (let from = 0; from < taskIds.length; from += largestFetch) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve))
      const texts = await this.#results.fetch(taskIds.slice(from, from + largestFetch))
      for (const text of texts) metas.push(text === undefined ? undefined : loadMeta(text))
    }
    return metas
  }

  async watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void): Promise<AsyncDisposable> {
    return await this.#watch.watch([...taskIds], onMeta)
  }

  async forget(taskId: string): Promise<void> {
    await this.#results.forget(taskId)
  }

  async addGroupPart(groupId: string, part: GroupPart): Promise<GroupProgress> {
    const row = { index: part.index, taskId: part.taskId, meta: dumpPart(part), token: part.token ?? null }
    return await this.#groups.addPart(groupId, row, this.#expiresAt())
  }

  async setGroupSize(groupId: string, size: number, body?: string): Promise<void> {
    await this.#groups.setSize(groupId, { size, body: body ?? null }, this.#expiresAt())
  }

  async idleGroups(idleMs: number): Promise<IdleGroup[]> {
    return await this.#groups.idle(idleMs)
  }

  async extendGroup(groupId: string, _taskId: string): Promise<void> {
    await this.#groups.extend(groupId, this.#expiresAt())
  }

  async groupParts(groupId: string): Promise<GroupPart[]> {
    const parts = await this.#groups.parts(groupId)
    return parts.map(({ index, meta }) => loadPart(index, meta))
  }

  async saveGroup(groupId: string, taskIds: readonly string[]): Promise<void> {
    await this.#groups.save(groupId, JSON.stringify(taskIds), this.#expiresAt())
  }

  async savedGroup(groupId: string): Promise<readonly string[] | undefined> {
    const text = await this.#groups.saved(groupId)
    return text === undefined ? undefined : (JSON.parse(text) as string[])
  }

  async forgetGroup(groupId: string): Promise<void> {
    await this.#groups.forget(groupId)
  }

  async closeGroup(groupId: string): Promise<void> {
    await this.#groups.close(groupId, this.#expiresAt())
  }

  async keepWorkflow(workflowId: string, parts: readonly string[]): Promise<void> {
    await this.#workflows.keep(workflowId, parts, this.#workflowExpiresAt())
  }

  async workflowPart(workflowId: string, part: number): Promise<string | null | undefined> {
    return await this.#workflows.part(workflowId, part, this.#workflowExpiresAt())
  }

  async useWorkflowPart(workflowId: string, part: number): Promise<void> {
    await this.#workflows.use(workflowId, part, this.#expiresAt())
  }

  async deleteExpired(): Promise<number> {
    const results = await this.#results.deleteExpired()
    return results + (await this.#groups.deleteExpired()) + (await this.#workflows.deleteExpired())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.stop()
    await this.#database[Symbol.asyncDispose]()
  }

  #expiresAt(): number | null {
    return timeIn(this.#options.expiresMs)
  }

  #workflowExpiresAt(): number | null {
    return timeIn(workflowExpiresMs(this.#options))
  }
}

function timeIn(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(Date.now() + ms)
}
