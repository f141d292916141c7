import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { isGone, ownIdentity, type ProcessIdentity } from './process-identity.ts'
import type { SqliteStore } from './sqlite-store.ts'

/**
 * The rows by which brokers own loans. A row that is not renewed expires; then, or as soon as its process is known to
 * be gone, any other broker returns its loans and deletes it. Whoever lost its row gets a new one, with a new id.
 */
export class SqliteOwners {
  readonly leaseMs: number
  readonly #database: SqliteDatabase
  readonly #store: SqliteStore
  readonly #identity: ProcessIdentity = ownIdentity()
  /** May be of a transaction that was undone: `exists` tells. */
  #own: number | undefined

  constructor(database: SqliteDatabase, store: SqliteStore, leaseMs: number) {
    this.#database = database
    this.#store = store
    this.leaseMs = leaseMs
  }

  get own(): number | undefined {
    return this.#own
  }

  exists(id: number): boolean {
    return this.#database.prepare('SELECT 1 FROM owner WHERE id = ?').get(id) !== undefined
  }

  /** The id of this broker's row, a new one if it has none. In a transaction. */
  ensure(): number {
    if (this.#own !== undefined && this.exists(this.#own)) return this.#own
    const { host, pid, started } = this.#identity
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO owner (expires, host, pid, started) VALUES (?, ?, ?, ?)')
      .run(Date.now() + this.leaseMs, host, pid, started)
    this.#own = Number(lastInsertRowid)
    return this.#own
  }

  /** False if the row is gone. In a transaction. */
  renew(id: number): boolean {
    const { changes } = this.#database
      .prepare('UPDATE owner SET expires = ? WHERE id = ?')
      .run(Date.now() + this.leaseMs, id)
    return changes === 1
  }

  /** Whether the owner of a row may still be there. */
  mayLive(row: Readonly<Record<string, unknown>>): boolean {
    return Number(row['expires']) > Date.now() && !isGone(row as unknown as ProcessIdentity, this.#identity)
  }

  /** The owners whose loans are over. */
  findDead(): number[] {
    const nowMs = Date.now()
    const rows = this.#database.prepare('SELECT id, expires, host, pid, started FROM owner').all()
    const own = rows.find((row) => row['id'] === this.#own)
    // The whole machine slept: everyone gets one round to renew.
    const hasSlept = own !== undefined && Number(own['expires']) < nowMs
    const dead = rows.filter((row) => {
      if (row['id'] === this.#own) return false
      return (!hasSlept && Number(row['expires']) < nowMs) || isGone(row as unknown as ProcessIdentity, this.#identity)
    })
    return dead.map((row) => Number(row['id']))
  }

  /** Returns the loans of those that are still dead. In a transaction. */
  buryDead(): void {
    for (const id of this.findDead()) this.remove(id, 0)
  }

  /** Deletes an owner: what is lent to it goes back in its place, counted as lent `uncounted` times less. In a transaction. */
  remove(id: number, uncounted: 0 | 1): void {
    const prepare = this.#database.prepare.bind(this.#database)
    for (const loan of prepare('SELECT queue, entries FROM loan WHERE owner = ?').all(id)) {
      const entries = JSON.parse(String(loan['entries'])) as number[]
      for (let at = 0; at < entries.length; at += 2) {
        const messageId = entries[at] ?? 0
        const rank = this.#store.rankOf(messageId)
        if (rank === undefined) continue
        this.#store.putBack(String(loan['queue']), rank, messageId, (entries[at + 1] ?? 1) - uncounted, undefined)
      }
    }
    prepare('DELETE FROM loan WHERE owner = ?').run(id)
    prepare('DELETE FROM listener WHERE owner = ?').run(id)
    prepare('DELETE FROM owner WHERE id = ?').run(id)
  }
}
