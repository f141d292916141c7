import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SqliteDatabase } from '../../../src/drivers/sqlite-database.ts'
import { rejectsOperational, SqliteFolder } from './sqlite-folder.ts'

function insert(database: SqliteDatabase, n: number | string): Promise<unknown> {
  return database.write(() => database.prepare('INSERT INTO t VALUES (?)').run(n))
}

function numbers(database: SqliteDatabase): unknown[] {
  return database
    .prepare('SELECT n FROM t')
    .all()
    .map((row) => row['n'])
}

describe('writing to a SQLite file', () => {
  it('joins all writes of a turn into one transaction, in their order', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    let commits = 0
    using _listener = database.onCommit(() => commits++)
    await Promise.all([insert(database, 1), insert(database, 2), Promise.resolve().then(() => insert(database, 3))])
    assert.deepEqual([numbers(database), commits], [[1, 2, 3], 1])
  })

  it('returns what the work returned, after the commit', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    assert.equal(await database.write(() => 'value'), 'value')
  })

  it('undoes what throws and keeps the others of the turn', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    const failing = database.write(() => {
      database.prepare('INSERT INTO t VALUES (2)').run()
      throw new RangeError('no')
    })
    const results = await Promise.allSettled([insert(database, 1), failing, insert(database, 3)])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    await assert.rejects(failing, RangeError)
    assert.deepEqual(numbers(database), [1, 3])
  })

  it('waits for the lock of another process without blocking the event loop', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    const locker = new DatabaseSync(folder.file())
    locker.exec('BEGIN IMMEDIATE')
    let turns = 0
    const ticking = setInterval(() => turns++, 1)
    const writing = insert(database, 1)
    await sleep(50)
    locker.exec('COMMIT')
    locker.close()
    await writing
    clearInterval(ticking)
    assert.ok(turns > 3, `the event loop turned ${turns} times`)
  })

  it('gives up after its deadline and works again when the lock is gone', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable({ busyDeadlineMs: 40 })
    database.prepare('SELECT 1').get()
    const locker = new DatabaseSync(folder.file())
    locker.exec('BEGIN IMMEDIATE')
    await rejectsOperational(insert(database, 1), /locked by another process/, /a transaction open/)
    locker.close()
    await insert(database, 2)
    assert.deepEqual(numbers(database), [2])
  })

  it('says that the disk is full, writes nothing of that turn, and goes on when there is space', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count'])
    database.prepare(`PRAGMA max_page_count = ${pages}`).get()
    await rejectsOperational(insert(database, 'x'.repeat(50_000)), /the disk or the quota is full: free some space/)
    database.prepare('PRAGMA max_page_count = 100000').get()
    await insert(database, 1)
    assert.deepEqual(numbers(database), [1])
  })

  it('fails when the file was deleted behind its back, instead of writing to what nobody sees', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    await fs.rm(folder.file())
    await sleep(1050)
    await rejectsOperational(insert(database, 1), /a\.db: deleted or replaced while it was open/, /Restart/)
    await rejectsOperational(
      database.read(() => 1),
      /deleted or replaced/,
    )
  })
})

describe('listening to the commits of a SQLite file', () => {
  it('hears commits of this connection and of others', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    const heard: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    using _listener = database.onCommit(() => {
      heard.push(String(numbers(database)))
      if (heard.at(-1) === '1,2') resolve()
    })
    await insert(database, 1)
    assert.deepEqual(heard, ['1'])
    const other = new DatabaseSync(folder.file())
    other.exec('INSERT INTO t VALUES (2)')
    await promise
    other.close()
  })

  it('hears others also while it commits all the time itself', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    const other = new DatabaseSync(folder.file(), { timeout: 1000 })
    const { promise, resolve } = Promise.withResolvers<void>()
    using _listener = database.onCommit(() => {
      if (database.prepare("SELECT 1 FROM t WHERE n = 'other'").get()) resolve()
    })
    for (let n = 0; n < 200; n++) await database.write(() => undefined)
    for (let n = 0; n < 200; n++) await insert(database, n)
    other.exec("INSERT INTO t VALUES ('other')")
    await promise
    other.close()
  })

  it('hears nothing after it was disposed of', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    let count = 0
    const listener = database.onCommit(() => count++)
    listener[Symbol.dispose]()
    listener[Symbol.dispose]()
    await insert(database, 1)
    assert.equal(count, 0)
  })
})
