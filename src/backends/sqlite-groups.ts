import type { StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'

/** A part, encoded. */
export interface PartRow {
  readonly index: number
  readonly taskId: string
  readonly meta: string
}

/** Rows of one deletion. */
const batchSize = 500
const pauseMs = 5

/**
 * The finished members of groups. A group that expired is detached first (its `group_id` becomes null), so that one of
 * the same id can begin anew while the parts of the old one are deleted bit by bit.
 */
export class SqliteGroups {
  readonly #database: SqliteDatabase
  readonly #openGroup: StatementSync
  readonly #insertPart: StatementSync
  readonly #replacePart: StatementSync
  readonly #countPart: StatementSync
  readonly #selectParts: StatementSync
  readonly #deleteParts: StatementSync
  readonly #deleteGroup: StatementSync
  readonly #detachExpired: StatementSync
  readonly #selectDetached: StatementSync
  readonly #deleteSomeParts: StatementSync

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#openGroup = database.prepare(
      `INSERT INTO result_groups (group_id, parts, expires_at) VALUES (?, 0, ?)
       ON CONFLICT (group_id) DO UPDATE SET expires_at = excluded.expires_at RETURNING id, parts`,
    )
    this.#insertPart = database.prepare(
      `INSERT INTO result_group_parts (part_index, meta, group_row, task_id) VALUES (?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
    this.#replacePart = database.prepare(
      'UPDATE result_group_parts SET part_index = ?, meta = ? WHERE group_row = ? AND task_id = ?',
    )
    this.#countPart = database.prepare('UPDATE result_groups SET parts = parts + 1 WHERE id = ?')
    this.#selectParts = database.prepare(
      `SELECT part_index, task_id, meta FROM result_groups g JOIN result_group_parts p ON p.group_row = g.id
       WHERE g.group_id = ? ORDER BY part_index`,
    )
    this.#deleteParts = database.prepare(
      'DELETE FROM result_group_parts WHERE group_row = (SELECT id FROM result_groups WHERE group_id = ?)',
    )
    this.#deleteGroup = database.prepare('DELETE FROM result_groups WHERE group_id = ?')
    this.#detachExpired = database.prepare(
      `UPDATE result_groups SET group_id = NULL WHERE id IN
         (SELECT id FROM result_groups WHERE expires_at <= ? AND group_id IS NOT NULL LIMIT ${batchSize})`,
    )
    this.#selectDetached = database.prepare('SELECT id FROM result_groups WHERE group_id IS NULL LIMIT 1')
    this.#deleteSomeParts = database.prepare(
      `DELETE FROM result_group_parts WHERE group_row = ?1 AND task_id IN
         (SELECT task_id FROM result_group_parts WHERE group_row = ?1 LIMIT ${batchSize})`,
    )
  }

  /** Returns how many parts the group has. */
  addPart(groupId: string, { index, taskId, meta }: PartRow, expiresAt: number | null): Promise<number> {
    return this.#database.write(() => {
      const group = this.#openGroup.get(groupId, expiresAt)
      const row = Number(group?.['id'])
      const parts = Number(group?.['parts'])
      if (this.#insertPart.run(index, meta, row, taskId).changes) {
        this.#countPart.run(row)
        return parts + 1
      }
      this.#replacePart.run(index, meta, row, taskId)
      return parts
    })
  }

  takeParts(groupId: string): Promise<PartRow[]> {
    return this.#database.write(() => {
      const rows = this.#selectParts.all(groupId)
      this.#deleteParts.run(groupId)
      this.#deleteGroup.run(groupId)
      return rows.map((row) => ({
        index: Number(row['part_index']),
        taskId: String(row['task_id']),
        meta: String(row['meta']),
      }))
    })
  }

  async deleteExpired(): Promise<number> {
    const now = Date.now()
    while ((await this.#database.write(() => this.#detachExpired.run(now).changes)) > 0) await pause(pauseMs)
    let deleted = 0
    for (;;) {
      const row = await this.#database.read(() => this.#selectDetached.get()?.['id'])
      if (row === undefined || row === null) return deleted
      deleted += await this.#deleteDetached(Number(row))
    }
  }

  async #deleteDetached(row: number): Promise<number> {
    let deleted = 0
    for (;;) {
      const count = await this.#database.write(() => this.#deletePiece(row))
      deleted += count
      if (count < batchSize) return deleted
      await pause(pauseMs)
    }
  }

  #deletePiece(row: number): number {
    const count = Number(this.#deleteSomeParts.run(row).changes)
    if (count < batchSize) this.#database.prepare('DELETE FROM result_groups WHERE id = ?').run(row)
    return count
  }
}
