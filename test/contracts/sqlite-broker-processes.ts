import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteBroker, type SqliteBroker } from '../../src/brokers/sqlite.ts'
import type { SqliteBrokerOptions } from '../../src/brokers/sqlite-options.ts'
import type { ProcessLab } from './broker-contract-processes.ts'
import { Child } from './broker-processes.ts'

/** A folder with one broker file, and the processes of one test. */
export class Lab implements ProcessLab {
  readonly file: string
  readonly url: string
  readonly #folder: string
  readonly #children: Child[] = []
  readonly #brokers: SqliteBroker[] = []

  constructor(folder: string) {
    this.#folder = folder
    this.file = path.join(folder, 'broker.db')
    this.url = `sqlite:${this.file}`
  }

  static async open(): Promise<Lab> {
    return new Lab(await mkdtemp(path.join(tmpdir(), 'celeriac-faults-')))
  }

  async broker(options: SqliteBrokerOptions = {}): Promise<SqliteBroker> {
    const broker = await openSqliteBroker(this.url, options)
    this.#brokers.push(broker)
    return broker
  }

  start(mode: string, prefix = '', count = 0, leaseSeconds = 30): Child {
    const output = path.join(this.#folder, `child-${this.#children.length}.txt`)
    const child = Child.start([mode, this.url, prefix, String(count), String(leaseSeconds)], output)
    this.#children.push(child)
    return child
  }

  /** Fails unless each message is in one place exactly, and each place holds a message. */
  checkPlaces(): void {
    const database = new DatabaseSync(this.file, { readOnly: true, timeout: 5000 })
    try {
      const ids = (sql: string): number[] =>
        database
          .prepare(sql)
          .all()
          .map((row) => Number(row['id']))
      const messages = new Set(ids('SELECT id FROM message'))
      const waiting = ids('SELECT id FROM ready UNION ALL SELECT id FROM deferred')
      const entries = 'SELECT value AS id FROM loan, json_each(loan.entries) e WHERE e.key % 2 = 0'
      const lent = ids(`${entries} AND value IN (SELECT id FROM message)`)
      const places = [...waiting, ...lent]
      assert.equal(new Set(places).size, places.length, 'a message is in two places')
      assert.deepEqual(
        [...messages].filter((id) => !places.includes(id)),
        [],
        'messages are in no place',
      )
      assert.deepEqual(
        waiting.filter((id) => !messages.has(id)),
        [],
        'places hold no message',
      )
      assert.equal(String(database.prepare('PRAGMA integrity_check').get()?.['integrity_check']), 'ok')
    } finally {
      database.close()
    }
  }

  /** Nothing waits, and nothing is lent or deferred. */
  async isDone(): Promise<boolean> {
    return this.ids().length === 0
  }

  /** Changes the file behind the brokers' backs. */
  run(sql: string): void {
    const database = new DatabaseSync(this.file, { timeout: 5000 })
    database.exec(sql)
    database.close()
  }

  /** Holds the write lock, as a process that was stopped in a transaction does, until the returned function is called. */
  lock(): () => void {
    const database = new DatabaseSync(this.file)
    database.exec('BEGIN IMMEDIATE')
    return () => database.close()
  }

  ids(): string[] {
    const database = new DatabaseSync(this.file, { readOnly: true, timeout: 5000 })
    const rows = database.prepare('SELECT id FROM message').all()
    database.close()
    return rows.map((row) => String(row['id']))
  }

  /** What another broker does to owners it takes for dead: their loans go back. */
  forgetOwners(): void {
    this.run(`BEGIN IMMEDIATE;
      INSERT INTO ready SELECT l.queue, m.rank, m.id, 1 FROM loan l, json_each(l.entries) e JOIN message m ON m.id = e.value
        WHERE e.key % 2 = 0;
      DELETE FROM loan; DELETE FROM owner; COMMIT`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await child.kill()
    for (const broker of this.#brokers) await broker[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true })
  }
}
