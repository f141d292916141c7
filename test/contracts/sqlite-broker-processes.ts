import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteBroker, type SqliteBroker } from '../../src/brokers/sqlite.ts'
import type { SqliteBrokerOptions } from '../../src/brokers/sqlite-options.ts'
import { until } from './contract.ts'

const entry = path.join(import.meta.dirname, 'sqlite-broker-child.ts')

/** A child process and what it said, in a file: a pipe may be full, and what it says must not wait. */
export class Child {
  readonly #process: ChildProcess
  readonly #output: string
  readonly #ended: Promise<void>

  constructor(process: ChildProcess, output: string) {
    this.#process = process
    this.#output = output
    this.#ended = new Promise((resolve) => {
      process.once('exit', () => resolve())
    })
  }

  get lines(): string[] {
    return readFileSync(this.#output, 'utf8').split('\n').slice(0, -1)
  }

  get code(): number | null {
    return this.#process.exitCode
  }

  /** The words after `verb`, of each line that starts with it. */
  said(verb: string): string[][] {
    return this.lines
      .map((line) => line.split(' '))
      .filter(([first]) => first === verb)
      .map(([, ...words]) => words)
  }

  async waitFor(verb: string, count = 1): Promise<void> {
    await until(
      () => this.said(verb).length >= count,
      () => `'${verb}' ${count} times; it said ${this.lines.slice(-5).join(', ')}`,
    )
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  async ended(): Promise<void> {
    await this.#ended
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }
}

/** A folder with one broker file, and the processes of one test. */
export class Lab implements AsyncDisposable {
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
    const args = [entry, mode, this.url, prefix, String(count), String(leaseSeconds)]
    const output = path.join(this.#folder, `child-${this.#children.length}.txt`)
    const descriptor = openSync(output, 'w')
    const child = new Child(spawn(process.execPath, args, { stdio: ['ignore', descriptor, 'inherit'] }), output)
    closeSync(descriptor)
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
