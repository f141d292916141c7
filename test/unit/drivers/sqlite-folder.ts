import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqliteDatabase, type SqliteOptions } from '../../../src/drivers/open-sqlite-database.ts'
import type { SqliteDatabase } from '../../../src/drivers/sqlite-database.ts'
import { OperationalError } from '../../../src/errors.ts'

/** A temporary folder, and the databases opened in it. */
export class SqliteFolder implements AsyncDisposable {
  readonly path: string
  readonly #opened: SqliteDatabase[] = []

  constructor(folder: string) {
    this.path = folder
  }

  static async create(): Promise<SqliteFolder> {
    return new SqliteFolder(await mkdtemp(path.join(tmpdir(), 'celeriac-driver-')))
  }

  file(name = 'a.db'): string {
    return path.join(this.path, name)
  }

  async open(options: SqliteOptions = {}, name = 'a.db'): Promise<SqliteDatabase> {
    const database = await openSqliteDatabase(this.file(name), options)
    this.#opened.push(database)
    return database
  }

  /** A database with one table `t (n)`. */
  async openTable(options: SqliteOptions = {}): Promise<SqliteDatabase> {
    const database = await this.open(options)
    await database.migrate('test', ['CREATE TABLE t (n)'])
    return database
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const database of this.#opened) await database[Symbol.asyncDispose]()
    await rm(this.path, { recursive: true })
  }
}

/** Fails unless the promise rejects with an OperationalError whose message matches each of `parts`. */
export async function rejectsOperational(promise: Promise<unknown>, ...parts: readonly RegExp[]): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OperationalError, `expected an OperationalError, got ${String(error)}`)
    for (const part of parts) assert.match(error.message, part)
    return true
  })
}
