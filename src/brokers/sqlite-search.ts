import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { taskIdOf, type Message } from '../protocol/message.ts'
import { mostNext, type FindResult, type FoundMessage, type Holder, type Unseen } from './broker.ts'
import { isGone, ownIdentity, type ProcessIdentity } from './process-identity.ts'
import type { SqliteInspection } from './sqlite-inspection.ts'
import { decodeMessage } from './sqlite-rows.ts'

/** Rows looked at in one turn of the event loop. */
const pageSize = 1000

interface Hit {
  readonly id: number
  readonly rank: number
  readonly message: Message
}

/** Looks for messages by the id of their task. There is no index for it: that would cost every message something. */
export class SqliteSearch {
  readonly #database: SqliteDatabase
  readonly #inspection: SqliteInspection

  constructor(database: SqliteDatabase, inspection: SqliteInspection) {
    this.#database = database
    this.#inspection = inspection
  }

  /** Newest first. */
  async find(taskId: string, limit: number): Promise<FindResult> {
    const found: FoundMessage[] = []
    let before = Number.MAX_SAFE_INTEGER
    for (let looked = 0; looked < limit; looked += pageSize) {
      const size = Math.min(pageSize, limit - looked)
      const next = await this.#database.read(() => this.#lowestOf(before, size))
      if (next === undefined) return { found, unseen: [] }
      const hits = await this.#database.read(() => this.#hitsBetween(next, before, taskId))
      for (const hit of hits) found.push(...(await this.#place(hit)))
      before = next
      await nextTurn()
    }
    const next = await this.#findNext(taskId, before, Math.min(limit, mostNext))
    return { found: [...found, ...next.found], unseen: next.unseen }
  }

  /** Among those before an id: in each queue as many as come next, and what is not looked at. */
  async #findNext(taskId: string, before: number, limit: number): Promise<FindResult> {
    const found: FoundMessage[] = []
    const unseen: Unseen[] = []
    let lent = await this.#database.read(() => this.#countBefore('message', before))
    for (const queue of await this.#inspection.queues()) {
      const hits = await this.#database.read(() => this.#nextHits(queue, before, taskId, limit))
      for (const hit of hits) found.push(...(await this.#place(hit)))
      const [ready, deferred] = await this.#database.read(() => [
        this.#countBefore('ready', before, queue),
        this.#countBefore('deferred', before, queue),
      ])
      lent -= ready + deferred
      const count = Math.max(0, ready - limit) + deferred
      if (count > 0) unseen.push({ queue, count })
      await nextTurn()
    }
    if (lent > 0) unseen.push({ queue: undefined, count: lent })
    return { found, unseen }
  }

  #countBefore(table: 'message' | 'ready' | 'deferred', before: number, queue?: string): number {
    const sql = `SELECT count(*) AS count FROM ${table} WHERE id < ?`
    const row =
      queue === undefined
        ? this.#database.prepare(sql).get(before)
        : this.#database.prepare(`${sql} AND queue = ?`).get(before, queue)
    return Number(row?.['count'])
  }

  #nextHits(queue: string, before: number, taskId: string, limit: number): Hit[] {
    const rows = this.#database
      .prepare(
        `SELECT m.id, m.rank, m.envelope, m.body FROM
         (SELECT id FROM ready WHERE queue = ? AND id < ? ORDER BY rank, id LIMIT ?) r JOIN message m ON m.id = r.id
         WHERE instr(m.envelope, ?)`,
      )
      .all(queue, before, limit, needle(taskId))
    return hitsIn(rows, taskId)
  }

  #lowestOf(before: number, count: number): number | undefined {
    const sql = 'SELECT min(id) AS id FROM (SELECT id FROM message WHERE id < ? ORDER BY id DESC LIMIT ?)'
    const id = this.#database.prepare(sql).get(before, count)?.['id']
    return typeof id === 'number' ? id : undefined
  }

  #hitsBetween(from: number, before: number, taskId: string): Hit[] {
    const rows = this.#database
      .prepare(
        'SELECT id, rank, envelope, body FROM message WHERE id >= ? AND id < ? AND instr(envelope, ?) ORDER BY id',
      )
      .all(from, before, needle(taskId))
    return hitsIn(rows, taskId)
  }

  /** None if it was settled meanwhile. */
  async #place(hit: Hit): Promise<FoundMessage[]> {
    const queues = await this.#inspection.queues()
    const place = await this.#database.read(() => this.#ready(hit, queues) ?? this.#deferred(hit) ?? this.#lent(hit))
    return place ? [place] : []
  }

  #ready({ id, rank, message }: Hit, queues: readonly string[]): FoundMessage | undefined {
    const isThere = this.#database.prepare('SELECT 1 FROM ready WHERE queue = ? AND rank = ? AND id = ?')
    const queue = queues.find((name) => isThere.get(name, rank, id) !== undefined)
    if (queue === undefined) return undefined
    const sql = 'SELECT count(*) AS count FROM ready WHERE queue = ? AND (rank, id) < (?, ?)'
    const ahead = Number(this.#database.prepare(sql).get(queue, rank, id)?.['count'])
    return { message, queue, place: 'ready', ahead }
  }

  #deferred({ id, message }: Hit): FoundMessage | undefined {
    const row = this.#database.prepare('SELECT queue, due FROM deferred WHERE id = ?').get(id)
    if (!row) return undefined
    return { message, queue: String(row['queue']), place: 'deferred', until: new Date(Number(row['due'])) }
  }

  #lent({ id, message }: Hit): FoundMessage | undefined {
    const row = this.#database
      .prepare(
        `SELECT l.queue, o.expires, o.host, o.pid, o.started FROM loan l JOIN owner o ON o.id = l.owner
         WHERE EXISTS (SELECT 1 FROM json_each(l.entries) e WHERE e.key % 2 = 0 AND e.value = ?)`,
      )
      .get(id)
    if (!row) return undefined
    const holder = holderOf(row as unknown as ProcessIdentity & { readonly expires: number })
    return { message, queue: String(row['queue']), place: 'lent', holder }
  }
}

/** As it stands in an envelope. */
function needle(taskId: string): string {
  return JSON.stringify(taskId).slice(1, -1)
}

function hitsIn(rows: readonly Readonly<Record<string, unknown>>[], taskId: string): Hit[] {
  return rows.flatMap((row) => {
    const message = readable(String(row['envelope']), row['body'] as string | Uint8Array)
    // It may also be the id of its parent.
    if (!message || taskIdOf(message) !== taskId) return []
    return [{ id: Number(row['id']), rank: Number(row['rank']), message }]
  })
}

function holderOf(owner: ProcessIdentity & { readonly expires: number }): Holder {
  const own = ownIdentity()
  const isAlive = owner.expires >= Date.now() && !isGone(owner, own)
  const isElsewhere = owner.host !== null && owner.host !== own.host
  const name = `process ${owner.pid}${isElsewhere ? ' of another host or container' : ''}`
  return { name, since: undefined, isAlive }
}

function readable(envelope: string, body: string | Uint8Array): Message | undefined {
  try {
    return decodeMessage(envelope, body)
  } catch {
    return undefined
  }
}
