import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { decodeBody, encodeBody, encodeHeaders } from './celery-envelope.ts'
import type { Consumer, OnTask, Payload, Peer, Producer, Store } from './peer.ts'

/** Messages of one claim; the next claim deletes them in the same transaction. */
const batchSize = 200
const pollMs = 2

/**
 * The least that a queue over node:sqlite can do: messages of the same form, WAL, synchronous=NORMAL, batches, and a
 * message stays recorded until its handler has returned. No leases, deferral, retries, signals.
 */
export const rawSqlite: Peer = {
  async openProducer(store): Promise<Producer> {
    const database = open(store)
    const insert = database.prepare("INSERT INTO message (queue, headers, body) VALUES ('q', ?, ?)")
    const insertOne = (payload: Payload): void => void insert.run(encodeHeaders(randomUUID()), encodeBody(payload))
    return {
      one: insertOne,
      many(payloads) {
        database.exec('BEGIN IMMEDIATE')
        for (const payload of payloads) insertOne(payload)
        database.exec('COMMIT')
      },
      close: () => database.close(),
    }
  },

  async openConsumer(store, onTask): Promise<Consumer> {
    const database = open(store)
    const loop = new Loop(database, onTask, store.withResults)
    return {
      start: () => void loop.run(),
      async close() {
        await loop.stop()
        const left = database.prepare('SELECT count(*) AS left FROM message').get()?.['left']
        database.close()
        if (left !== 0) throw new Error(`the raw loop left ${String(left)} messages in the queue`)
      },
    }
  },
}

class Loop {
  readonly #database: DatabaseSync
  readonly #onTask: OnTask
  readonly #withResults: boolean
  #isStopping = false
  #stopped: Promise<void> | undefined

  constructor(database: DatabaseSync, onTask: OnTask, withResults: boolean) {
    this.#database = database
    this.#onTask = onTask
    this.#withResults = withResults
  }

  run(): Promise<void> {
    return (this.#stopped = this.#run())
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#stopped
  }

  async #run(): Promise<void> {
    const database = this.#database
    const version = database.prepare('PRAGMA data_version')
    const claim = database.prepare(
      `UPDATE message SET state = 1, locked_at = ? WHERE id IN
         (SELECT id FROM message WHERE queue = 'q' AND state = 0 ORDER BY priority DESC, id LIMIT ?)
       RETURNING id, headers, body`,
    )
    const store = database.prepare('INSERT OR REPLACE INTO result (task_id, meta) VALUES (?, ?)')
    let done: number[] = []
    let results: (readonly [string, number])[] = []
    let seen: unknown
    while (!this.#isStopping || done.length > 0) {
      const now = version.get()?.['data_version']
      if (now === seen && done.length === 0) {
        await pause(pollMs)
        continue
      }
      database.exec('BEGIN IMMEDIATE')
      if (done.length > 0) database.exec(`DELETE FROM message WHERE id IN (${done.join(',')})`)
      for (const [id, result] of results) store.run(id, JSON.stringify({ status: 'SUCCESS', result, task_id: id }))
      const rows = claim.all(Date.now(), batchSize)
      database.exec('COMMIT')
      done = []
      results = []
      if (rows.length === 0) seen = now
      for (const row of rows) {
        const { id } = JSON.parse(String(row['headers'])) as { id: string }
        const result = await this.#onTask(decodeBody(String(row['body'])))
        if (this.#withResults) results.push([id, result])
        done.push(Number(row['id']))
      }
      await new Promise(setImmediate)
    }
  }
}

function open({ folder }: Store): DatabaseSync {
  const database = new DatabaseSync(path.join(folder, 'raw.db'), { timeout: 5000 })
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;
     CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, queue TEXT NOT NULL, priority INT NOT NULL DEFAULT 0,
       due REAL NOT NULL DEFAULT 0, state INT NOT NULL DEFAULT 0, locked_at REAL, headers TEXT NOT NULL, body TEXT NOT NULL);
     CREATE INDEX IF NOT EXISTS message_ready ON message (queue, priority DESC, id) WHERE state = 0;
     CREATE TABLE IF NOT EXISTS result (task_id TEXT PRIMARY KEY, meta TEXT NOT NULL)`,
  )
  return database
}
