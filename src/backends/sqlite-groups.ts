import type { StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import type { GroupProgress, IdleGroup } from './backend.ts'

/** A part, encoded. */
export interface PartRow {
  readonly index: number
  readonly taskId: string
  readonly meta: string
}

/** One that is reported. */
export interface NewPart extends PartRow {
  readonly token: string | null
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
  readonly #setSize: StatementSync
  readonly #selectIdle: StatementSync
  readonly #touch: StatementSync
  readonly #extend: StatementSync
  readonly #close: StatementSync
  readonly #save: StatementSync
  readonly #saved: StatementSync
  readonly #detachExpired: StatementSync
  readonly #selectDetached: StatementSync
  readonly #deleteSomeParts: StatementSync

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#openGroup = database.prepare(
      `INSERT INTO result_groups (group_id, parts, expires_at, touched_at) VALUES (?, 0, ?, ?)
       ON CONFLICT (group_id) DO UPDATE SET expires_at = excluded.expires_at, touched_at = excluded.touched_at
       RETURNING id, parts, size + extra AS size, is_closed`,
    )
    this.#insertPart = database.prepare(
      `INSERT INTO result_group_parts (part_index, meta, group_row, task_id, place, token) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
    this.#replacePart = database.prepare(
      'UPDATE result_group_parts SET part_index = ?, meta = ? WHERE group_row = ? AND task_id = ? RETURNING place, token',
    )
    this.#countPart = database.prepare('UPDATE result_groups SET parts = parts + 1 WHERE id = ?')
    this.#selectParts = database.prepare(
      `SELECT part_index, task_id, meta FROM result_groups g JOIN result_group_parts p ON p.group_row = g.id
       WHERE g.group_id = ? ORDER BY part_index, task_id`,
    )
    this.#deleteParts = database.prepare(
      'DELETE FROM result_group_parts WHERE group_row = (SELECT id FROM result_groups WHERE group_id = ?)',
    )
    this.#setSize = database.prepare(
      'UPDATE result_groups SET size = ?, body = iif(is_closed, NULL, coalesce(?, body)) WHERE group_id = ?',
    )
    this.#selectIdle = database.prepare(
      `SELECT id, group_id, body, size + extra - parts AS missing FROM result_groups
       WHERE body IS NOT NULL AND group_id IS NOT NULL AND touched_at <= ? LIMIT ${batchSize}`,
    )
    this.#touch = database.prepare('UPDATE result_groups SET touched_at = ? WHERE id = ?')
    this.#extend = database.prepare('UPDATE result_groups SET extra = extra + 1 WHERE group_id = ?')
    this.#save = database.prepare('UPDATE result_groups SET task_ids = ? WHERE group_id = ?')
    this.#saved = database.prepare(
      'SELECT task_ids FROM result_groups WHERE group_id = ? AND (expires_at IS NULL OR expires_at > ?)',
    )
    this.#close = database.prepare('UPDATE result_groups SET is_closed = 1, body = NULL WHERE group_id = ?')
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

  addPart(groupId: string, { index, taskId, meta, token }: NewPart, expiresAt: number | null): Promise<GroupProgress> {
    return this.#database.write(() => {
      const group = this.#openGroup.get(groupId, expiresAt, Date.now())
      const row = Number(group?.['id'])
      const place = Number(group?.['parts']) + 1
      const size = typeof group?.['size'] === 'number' ? group['size'] : undefined
      if (group?.['is_closed']) return { place: 0, isFirst: false, size }
      if (this.#insertPart.run(index, meta, row, taskId, place, token).changes) {
        this.#countPart.run(row)
        return { place, isFirst: true, size }
      }
      const known = this.#replacePart.get(index, meta, row, taskId)
      return { place: Number(known?.['place']), isFirst: known?.['token'] === token, size }
    })
  }

  setSize(
    groupId: string,
    { size, body }: { readonly size: number; readonly body: string | null },
    expiresAt: number | null,
  ): Promise<void> {
    return this.#change(groupId, expiresAt, () => this.#setSize.run(size, body, groupId))
  }

  idle(idleMs: number): Promise<IdleGroup[]> {
    return this.#database.write(() => {
      const now = Date.now()
      const rows = this.#selectIdle.all(Math.floor(now - idleMs))
      for (const row of rows) this.#touch.run(now, row['id'] as number)
      return rows.map((row) => ({
        groupId: String(row['group_id']),
        body: String(row['body']),
        missing: Number(row['missing']),
      }))
    })
  }

  extend(groupId: string, expiresAt: number | null): Promise<void> {
    return this.#change(groupId, expiresAt, () => this.#extend.run(groupId))
  }

  save(groupId: string, taskIds: string, expiresAt: number | null): Promise<void> {
    return this.#change(groupId, expiresAt, () => this.#save.run(taskIds, groupId))
  }

  async saved(groupId: string): Promise<string | undefined> {
    const row = await this.#database.read(() => this.#saved.get(groupId, Date.now()))
    return typeof row?.['task_ids'] === 'string' ? row['task_ids'] : undefined
  }

  async forget(groupId: string): Promise<void> {
    await this.#database.write(() => this.#save.run(null, groupId))
  }

  close(groupId: string, expiresAt: number | null): Promise<void> {
    return this.#change(groupId, expiresAt, () => {
      this.#deleteParts.run(groupId)
      this.#close.run(groupId)
    })
  }

  async parts(groupId: string): Promise<PartRow[]> {
    const rows = await this.#database.read(() => this.#selectParts.all(groupId))
    return rows.map((row) => ({
      index: Number(row['part_index']),
      taskId: String(row['task_id']),
      meta: String(row['meta']),
    }))
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

  #change(groupId: string, expiresAt: number | null, change: () => unknown): Promise<void> {
    return this.#database.write(() => {
      this.#openGroup.get(groupId, expiresAt, Date.now())
      change()
    })
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
