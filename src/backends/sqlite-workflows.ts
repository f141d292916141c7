import type { StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'

/** Parts of one write: more would make other writers wait. */
const largestBatch = 500
const pauseMs = 5

/** The parts of workflows. One that is used has no text; a workflow whose parts are all used is kept for a while. */
export class SqliteWorkflows {
  readonly #database: SqliteDatabase
  readonly #open: StatementSync
  readonly #insertPart: StatementSync
  readonly #selectPart: StatementSync
  readonly #touch: StatementSync
  readonly #usePart: StatementSync
  readonly #countUsed: StatementSync
  readonly #selectExpired: StatementSync
  readonly #deleteParts: StatementSync
  readonly #deleteWorkflow: StatementSync

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#open = database.prepare(
      `INSERT INTO result_workflows (workflow_id, unused, expires_at) VALUES (?, ?, ?)
       ON CONFLICT (workflow_id) DO UPDATE SET expires_at = excluded.expires_at RETURNING id`,
    )
    this.#insertPart = database.prepare(
      'INSERT INTO result_workflow_parts (workflow, part, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#selectPart = database.prepare(
      `SELECT w.id, w.unused, p.text FROM result_workflows w JOIN result_workflow_parts p ON p.workflow = w.id
       WHERE w.workflow_id = ? AND p.part = ? AND (w.expires_at IS NULL OR w.expires_at > ?)`,
    )
    this.#touch = database.prepare('UPDATE result_workflows SET expires_at = ? WHERE id = ?')
    this.#usePart = database.prepare(
      `UPDATE result_workflow_parts SET text = NULL
       WHERE workflow = (SELECT id FROM result_workflows WHERE workflow_id = ?) AND part = ? AND text IS NOT NULL`,
    )
    this.#countUsed = database.prepare(
      `UPDATE result_workflows SET unused = unused - 1, expires_at = iif(unused = 1, ?, expires_at)
       WHERE workflow_id = ?`,
    )
    this.#selectExpired = database.prepare('SELECT id FROM result_workflows WHERE expires_at <= ? LIMIT 1')
    this.#deleteParts = database.prepare(
      `DELETE FROM result_workflow_parts WHERE workflow = ?1 AND part IN
         (SELECT part FROM result_workflow_parts WHERE workflow = ?1 LIMIT ${largestBatch})`,
    )
    this.#deleteWorkflow = database.prepare('DELETE FROM result_workflows WHERE id = ?')
  }

  async keep(workflowId: string, parts: readonly string[], expiresAt: number | null): Promise<void> {
    for (let from = 0; from < parts.length; from += largestBatch) {
      await this.#database.write(() => {
        const workflow = Number(this.#open.get(workflowId, parts.length, expiresAt)?.['id'])
        const batch = parts.slice(from, from + largestBatch)
        for (const [at, text] of batch.entries()) this.#insertPart.run(workflow, from + at, text)
      })
    }
  }

  part(workflowId: string, part: number, expiresAt: number | null): Promise<string | null | undefined> {
    return this.#database.write(() => {
      const row = this.#selectPart.get(workflowId, part, Date.now())
      if (!row) return undefined
      if (Number(row['unused']) > 0) this.#touch.run(expiresAt, row['id'] as number)
      return row['text'] as string | null
    })
  }

  /** `expiresAt`: of what remembers that all is over. */
  async use(workflowId: string, part: number, expiresAt: number | null): Promise<void> {
    await this.#database.write(() => {
      if (this.#usePart.run(workflowId, part).changes) this.#countUsed.run(expiresAt, workflowId)
    })
  }

  async deleteExpired(): Promise<number> {
    const now = Date.now()
    let deleted = 0
    for (;;) {
      const workflow = await this.#database.read(() => this.#selectExpired.get(now)?.['id'])
      if (workflow === undefined || workflow === null) return deleted
      deleted += await this.#delete(Number(workflow))
    }
  }

  async #delete(workflow: number): Promise<number> {
    let deleted = 0
    for (;;) {
      const count = await this.#database.write(() => {
        const parts = Number(this.#deleteParts.run(workflow).changes)
        if (parts < largestBatch) this.#deleteWorkflow.run(workflow)
        return parts
      })
      deleted += count
      if (count < largestBatch) return deleted
      await pause(pauseMs)
    }
  }
}
