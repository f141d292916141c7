import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { isBusy } from '../drivers/sqlite-errors.ts'
import type { Message } from '../protocol/message.ts'
import { throwLater } from '../util/throw-later.ts'
import type { Audience, Channel } from './broker.ts'
import type { SqliteOwners } from './sqlite-owners.ts'
import { decodeMessage, encodeMessage } from './sqlite-rows.ts'

/** How long a message for those who listen now is kept: by then they have read it. */
const transientMs = 10_000
/** Expired rows are deleted in batches, at most so many with one broadcast, after so many broadcasts or so long. */
const cleanUpRows = 500
const cleanUpEvery = 64
const cleanUpAfterMs = 1000
/** Rows read at once. */
const readRows = 500
/** Readers wait for nobody, but for one who repairs the file after a crash. */
const busyPauseMs = 5

type BroadcastRow = readonly [number, string, string | Uint8Array]

class Listener {
  readonly channel: Channel
  readonly #onMessage: (message: Message) => void
  /** The last row it heard. */
  heard: number
  /** Not before it has heard what was retained. */
  isReading = false
  isOpen = true

  constructor(channel: Channel, heard: number, onMessage: (message: Message) => void) {
    this.channel = channel
    this.heard = heard
    this.#onMessage = onMessage
  }

  tell(rows: readonly BroadcastRow[]): void {
    for (const [id, envelope, body] of rows) {
      if (!this.isOpen) return
      this.heard = Math.max(this.heard, id)
      try {
        this.#onMessage(decodeMessage(envelope, body))
      } catch (error) {
        throwLater(error)
      }
    }
  }
}

/** Channels as rows that expire. Each listener remembers how far it has read. */
export class SqliteChannels {
  readonly #database: SqliteDatabase
  readonly #owners: SqliteOwners
  readonly #listeners: Set<Listener> = new Set()
  #sequence = -1
  #broadcasts = 0
  #cleanedAtMs = 0

  constructor(database: SqliteDatabase, owners: SqliteOwners) {
    this.#database = database
    this.#owners = owners
  }

  get size(): number {
    return this.#listeners.size
  }

  /** What nobody listens to, and nobody may hear later, is not written. Who hears it, of what asks for answers. */
  async broadcast(message: Message, channel: Channel, retainMs: number): Promise<Audience | undefined> {
    const { envelope, body } = encodeMessage(message)
    if (retainMs <= 0 && !(await this.isHeard(channel))) return { here: 0, elsewhere: 0 }
    await this.#database.write(() => {
      const nowMs = Date.now()
      const expires = nowMs + Math.max(retainMs, transientMs)
      this.#database
        .prepare('INSERT INTO broadcast (channel, is_retained, expires, envelope, body) VALUES (?, ?, ?, ?, ?)')
        .run(channel, retainMs > 0 ? 1 : 0, retainMs > 0 ? nowMs + retainMs : expires, envelope, body)
      this.#cleanUp(nowMs)
    })
    return retainMs <= 0 && channel === 'control' ? this.#database.read(() => this.#audience(channel)) : undefined
  }

  isHeard(channel: Channel): Promise<boolean> {
    return this.#database.read(() => this.#isHeard(channel))
  }

  async listen(channel: Channel, onMessage: (message: Message) => void): Promise<Listening> {
    const joined = await this.#database.write(() => {
      const ownerId = this.#register([channel])
      const retained = this.#database.prepare(
        `SELECT id, envelope, body FROM broadcast WHERE channel = ? AND is_retained AND expires > ? ORDER BY id`,
      )
      retained.setReturnArrays(true)
      const rows = retained.all(channel, Date.now()) as unknown as readonly BroadcastRow[]
      return { ownerId, rows, heard: this.#lastId() }
    })
    const listener = new Listener(channel, joined.heard, onMessage)
    this.#listeners.add(listener)
    setImmediate(() => {
      listener.tell(joined.rows)
      listener.isReading = true
      this.#sequence = -1
      this.check()
    })
    return { ownerId: joined.ownerId, stop: () => this.#stop(listener) }
  }

  /** Tells listeners what was broadcast since the last check. To be called after each commit. */
  check(): void {
    if (this.#listeners.size === 0) return
    try {
      const sequence = this.#lastId()
      if (sequence === this.#sequence) return
      for (const listener of this.#listeners) if (listener.isReading) this.#read(listener)
      this.#sequence = sequence
    } catch (error) {
      if (!isBusy(error)) throw error
      setTimeout(() => this.check(), busyPauseMs)
    }
  }

  /** After the owner's row was lost: the listeners of the next one. In a transaction. */
  registerAll(): number {
    return this.#register([...new Set([...this.#listeners].map(({ channel }) => channel))])
  }

  #read(listener: Listener): void {
    const statement = this.#database.prepare(
      `SELECT id, envelope, body FROM broadcast WHERE channel = ? AND id > ? ORDER BY id LIMIT ${readRows}`,
    )
    statement.setReturnArrays(true)
    for (;;) {
      const rows = statement.all(listener.channel, listener.heard) as unknown as readonly BroadcastRow[]
      listener.tell(rows)
      if (rows.length < readRows || !listener.isOpen) return
    }
  }

  async #stop(listener: Listener): Promise<void> {
    listener.isOpen = false
    if (!this.#listeners.delete(listener)) return
    const { channel } = listener
    if ([...this.#listeners].some((other) => other.channel === channel)) return
    await this.#database.write(() => {
      this.#database
        .prepare('DELETE FROM listener WHERE channel = ? AND owner = ?')
        .run(channel, this.#owners.own ?? null)
    })
  }

  #register(channels: readonly Channel[]): number {
    const ownerId = this.#owners.ensure()
    const insert = this.#database.prepare('INSERT OR IGNORE INTO listener (channel, owner) VALUES (?, ?)')
    for (const channel of channels) insert.run(channel, ownerId)
    return ownerId
  }

  #isHeard(channel: Channel): boolean {
    const sql = `SELECT 1 FROM listener l JOIN owner o ON o.id = l.owner WHERE l.channel = ? AND o.expires > ? LIMIT 1`
    return this.#database.prepare(sql).get(channel, Date.now()) !== undefined
  }

  /** An owner has one row, however many listen there. */
  #audience(channel: Channel): Audience {
    const rows = this.#database
      .prepare(
        'SELECT o.id, o.host, o.pid, o.started, o.expires FROM listener l JOIN owner o ON o.id = l.owner WHERE l.channel = ?',
      )
      .all(channel)
    const others = rows.filter((row) => row['id'] !== this.#owners.own && this.#owners.mayLive(row))
    const here = [...this.#listeners].filter((listener) => listener.channel === channel)
    return { here: here.length, elsewhere: others.length }
  }

  #lastId(): number {
    return Number(
      this.#database.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'broadcast'`).get()?.['seq'] ?? 0,
    )
  }

  #cleanUp(nowMs: number): void {
    this.#broadcasts++
    if (this.#broadcasts % cleanUpEvery !== 0 && nowMs - this.#cleanedAtMs < cleanUpAfterMs) return
    this.#cleanedAtMs = nowMs
    this.#database
      .prepare(
        `DELETE FROM broadcast WHERE id IN (SELECT id FROM broadcast WHERE expires < ? ORDER BY expires LIMIT ${cleanUpRows})`,
      )
      .run(nowMs)
  }
}

/** A listener that was entered in the file. */
export interface Listening {
  readonly ownerId: number
  readonly stop: () => Promise<void>
}
