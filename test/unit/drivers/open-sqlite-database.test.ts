import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { openSqliteDatabase } from '../../../src/drivers/open-sqlite-database.ts'
import { rejectsOperational, SqliteFolder } from './sqlite-folder.ts'

/** Opens a file as a user who is no root, for whom permissions count. */
async function openAsNobody(file: string): Promise<string> {
  const args = [path.join(import.meta.dirname, 'sqlite-open-child.ts'), file]
  const options = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  return (await promisify(execFile)(process.execPath, args, options)).stdout
}

describe('opening a SQLite file', () => {
  it('creates the file and its folders', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.open({}, 'one/two/a.db')
    assert.ok((await fs.stat(folder.file('one/two/a.db'))).isFile())
    assert.equal(database.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal')
  })

  it('shares one connection among all that open the file, by whatever name, until the last lets go', async () => {
    await using folder = await SqliteFolder.create()
    const one = await folder.openTable()
    await fs.symlink(folder.file(), folder.file('link.db'))
    const two = await openSqliteDatabase(folder.file('link.db'))
    assert.equal(one.path, two.path)
    const statement = one.prepare('SELECT count(*) AS n FROM t')
    assert.equal(two.prepare('SELECT count(*) AS n FROM t'), statement)
    await one[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    assert.equal(statement.get()?.['n'], 0)
    await two[Symbol.asyncDispose]()
    assert.throws(() => statement.get())
    assert.throws(() => two.prepare('SELECT 1'), /used after it was closed/)
    await rejectsOperational(
      two.write(() => 1),
      /used after it was closed/,
    )
  })

  it('finishes the writes that were asked for before it closes', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.openTable()
    const written = database.write(() => database.prepare('INSERT INTO t VALUES (1)').run())
    await database[Symbol.asyncDispose]()
    await written
    const again = await folder.open()
    assert.equal(again.prepare('SELECT count(*) AS n FROM t').get()?.['n'], 1)
  })

  it('takes the stricter of two wishes for durability', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.open()
    assert.equal(database.prepare('PRAGMA synchronous').get()?.['synchronous'], 1)
    await folder.open({ synchronous: 'full' })
    assert.equal(database.prepare('PRAGMA synchronous').get()?.['synchronous'], 2)
  })

  it('refuses a database of another application and leaves it as it was', async () => {
    await using folder = await SqliteFolder.create()
    const other = new DatabaseSync(folder.file())
    other.exec('CREATE TABLE invoice (id)')
    other.close()
    const before = await fs.readFile(folder.file())
    await rejectsOperational(folder.open(), /a\.db: belongs to another application/, /invoice/, /a file of its own/)
    assert.deepEqual(await fs.readFile(folder.file()), before)
  })

  it('refuses a file that is no database, and a folder', async () => {
    await using folder = await SqliteFolder.create()
    await fs.writeFile(folder.file(), 'no database at all, but long enough to be looked at '.repeat(20))
    await rejectsOperational(folder.open(), /a\.db: it is not an SQLite database: name another file/)
    await fs.mkdir(folder.file('folder.db'))
    await rejectsOperational(folder.open({}, 'folder.db'), /folder\.db: it cannot be opened/)
    await rejectsOperational(folder.open({}, 'a.db/b.db'), /b\.db: .*check its folder/)
  })

  it('refuses a file of a newer release', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.open()
    database.prepare('PRAGMA user_version = 99').get()
    await database[Symbol.asyncDispose]()
    await rejectsOperational(folder.open(), /written by a newer release of celeriac \(format 99/, /Update celeriac/)
  })

  it('says that a file or a folder may not be written', async () => {
    await using folder = await SqliteFolder.create()
    await fs.chmod(folder.path, 0o755)
    assert.match(
      await openAsNobody(folder.file()),
      /^OperationalError SQLite file .*a\.db: .*(cannot be opened|written)/,
    )
    const database = await folder.openTable()
    await database[Symbol.asyncDispose]()
    await fs.chmod(folder.file(), 0o444)
    assert.match(await openAsNobody(folder.file()), /^OperationalError SQLite file .*a\.db: it cannot be .*writable/)
  })

  it(
    'says that no folder can be made there',
    { skip: process.platform !== 'linux' && 'there is no /proc' },
    async () => {
      const opening = openSqliteDatabase('/proc/celeriac/deep/queue.db')
      await rejectsOperational(opening, /^SQLite file \/proc\/celeriac\/deep\/queue\.db: .*mkdir.*; check its folder$/)
    },
  )

  it('waits for a file that is locked for a while', async () => {
    await using folder = await SqliteFolder.create()
    const locker = new DatabaseSync(folder.file())
    locker.exec('BEGIN EXCLUSIVE')
    const opening = folder.openTable()
    setTimeout(() => locker.close(), 60)
    await opening
  })

  it('gives up on a file that is locked for long', async () => {
    await using folder = await SqliteFolder.create()
    const locker = new DatabaseSync(folder.file())
    locker.exec('BEGIN EXCLUSIVE')
    await rejectsOperational(
      folder.open({ busyDeadlineMs: 50 }),
      /a\.db: locked by another process for more than 0\.05 s/,
    )
    locker.close()
  })
})

describe('migrations', () => {
  it('run once each, component by component', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.open()
    await database.migrate('one', ['CREATE TABLE a (n)'])
    await database.migrate('two', ['CREATE TABLE b (n)'])
    await database.migrate('one', ['CREATE TABLE a (n)', 'ALTER TABLE a ADD m'])
    await database.migrate('one', ['CREATE TABLE a (n)', 'ALTER TABLE a ADD m'])
    database.prepare('SELECT n, m FROM a, (SELECT 1 FROM b)').all()
  })

  it('that fail leave nothing behind', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.open()
    await rejectsOperational(database.migrate('one', ['CREATE TABLE a (n)', 'nonsense']), /syntax error/)
    await database.migrate('one', ['CREATE TABLE a (n)'])
  })

  it('refuse tables of a newer release', async () => {
    await using folder = await SqliteFolder.create()
    const database = await folder.open()
    await database.migrate('one', ['CREATE TABLE a (n)', 'ALTER TABLE a ADD m'])
    await rejectsOperational(database.migrate('one', ['CREATE TABLE a (n)']), /its one tables have version 2/, /Update/)
  })
})
