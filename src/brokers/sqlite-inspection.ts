import type { StatementSync } from 'node:sqlite'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import type { Message } from '../protocol/message.ts'
import type { Page } from './broker.ts'
import { decodeMessage, unreadableMessage } from './sqlite-rows.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** Messages deleted in one transaction of a purge, so that it does not hold up others. */
const purgeBatch = 2000

/** Looks at queues, and empties them, without taking part in them. */
export class SqliteInspection {
  readonly #database: SqliteDatabase
  readonly #store: SqliteStore

  constructor(database: SqliteDatabase, store: SqliteStore) {
    this.#database = database
    this.#store = store
  }

  count(queue: string): Promise<number> {
    return this.#database.read(() => this.#countOf('ready', queue) + this.#countOf('deferred', queue))
  }

  /** What is published while it runs stays. */
  async purge(queue: string): Promise<number> {
    const lastId = await this.#database.read(() => this.#store.lastId())
    let purged = 0
    for (const table of ['ready', 'deferred'] as const) {
      for (;;) {
        const count = await this.#database.write(() => this.#purgeBatch(table, queue, lastId))
        purged += count
        if (count < purgeBatch) break
      }
    }
    return purged
  }

  peek(queue: string, { offset, limit, only }: Page): Promise<Message[]> {
    return this.#database.read(() => {
      if (only) return this.#page('deferred', 'due, id', queue, offset, limit)
      const ready = this.#page('ready', 'rank, id', queue, offset, limit)
      if (ready.length >= limit) return ready
      const skipped = Math.max(0, offset - this.#countOf('ready', queue))
      return [...ready, ...this.#page('deferred', 'due, id', queue, skipped, limit - ready.length)]
    })
  }

  /** Each queue is one step into an index, however many messages it has. */
  queues(): Promise<string[]> {
    return this.#database.read(() => {
      const names = new Set<string>()
      for (const table of ['ready', 'deferred'] as const) for (const name of this.#namesIn(table)) names.add(name)
      for (const row of this.#prepare('SELECT DISTINCT queue FROM loan').all()) names.add(String(row['queue']))
      return [...names].toSorted()
    })
  }

  #prepare(sql: string): StatementSync {
    return this.#database.prepare(sql)
  }

  #countOf(table: 'ready' | 'deferred', queue: string): number {
    return Number(this.#prepare(`SELECT count(*) AS count FROM ${table} WHERE queue = ?`).get(queue)?.['count'])
  }

  #namesIn(table: 'ready' | 'deferred'): string[] {
    const rows = this.#prepare(
      `WITH RECURSIVE name (queue) AS (
         SELECT min(queue) FROM ${table}
         UNION ALL SELECT (SELECT min(queue) FROM ${table} t WHERE t.queue > name.queue) FROM name WHERE queue NOT NULL
       ) SELECT queue FROM name WHERE queue NOT NULL`,
    ).all()
    return rows.map((row) => String(row['queue']))
  }

  #purgeBatch(table: 'ready' | 'deferred', queue: string, lastId: number): number {
    const rows = this.#prepare(
      `DELETE FROM ${table} WHERE (queue, id) IN (SELECT queue, id FROM ${table} WHERE queue = ? AND id <= ? LIMIT ${purgeBatch})
       RETURNING id`,
    ).all(queue, lastId)
    this.#store.deleteMessages(rows.map((row) => Number(row['id'])))
    return rows.length
  }

  #page(table: 'ready' | 'deferred', order: string, queue: string, offset: number, limit: number): Message[] {
    const rows = this.#prepare(
      `SELECT m.envelope, m.body FROM (SELECT * FROM ${table} WHERE queue = ? ORDER BY ${order} LIMIT ? OFFSET ?) t
       JOIN message m ON m.id = t.id ORDER BY ${order.replaceAll(/\w+/g, 't.$&')}`,
    ).all(queue, limit, offset)
    return rows.map((row) => readable(String(row['envelope']), row['body'] as string | Uint8Array))
  }
}

function readable(envelope: string, body: string | Uint8Array): Message {
  try {
    return decodeMessage(envelope, body)
  } catch {
    // Whoever takes it puts it among the dead letters, with the reason.
    return unreadableMessage(envelope, body)
  }
}
