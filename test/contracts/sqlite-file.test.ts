import assert from 'node:assert/strict'
import { access, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { createClient } from '@libsql/client'
import { EntitySchema, MikroORM } from '@mikro-orm/sqlite'
import { NodeSqliteDialect } from '@mikro-orm/sql'
import { sql } from 'drizzle-orm'
import { drizzle as onBetterSqlite } from 'drizzle-orm/better-sqlite3'
import { drizzle as onLibsql } from 'drizzle-orm/libsql'
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core'
import { sql as sql1 } from 'drizzle-orm-1'
import { drizzle as onNodeSqlite } from 'drizzle-orm-1/node-sqlite'
import { integer as integer1, sqliteTable as sqliteTable1 } from 'drizzle-orm-1/sqlite-core'
import { Kysely, SqliteDialect } from 'kysely'
import { DataTypes, QueryTypes, Sequelize, type Options } from 'sequelize'
import { DataSource } from 'typeorm'
import { nodeSqlite as kyselySqlite } from '../../examples/kysely/node-sqlite.ts'
import { nodeSqlite } from '../../examples/sequelize/node-sqlite.ts'
import { drizzle } from '../../src/orms/drizzle.ts'
import { kysely } from '../../src/orms/kysely.ts'
import { mikro } from '../../src/orms/mikro-orm.ts'
import { sequelize } from '../../src/orms/sequelize.ts'
import { fileFor, fileFromUrl } from '../../src/orms/sqlite-file.ts'
import { typeorm } from '../../src/orms/typeorm.ts'

const app = 'shop'

describe('the file of a SQLite database', () => {
  it('is a path, whether it is said as one or as a URL', () => {
    const shop = path.resolve('shop.db')
    for (const name of ['shop.db', './shop.db', 'file:shop.db', 'file:shop.db?cache=shared#now', 'FILE:./shop.db']) {
      assert.equal(fileFromUrl(name), shop, name)
    }
    for (const url of ['file:/a%20b/%C5%BC.db', 'file:///a%20b/ż.db', 'file://localhost/a b/%C5%BC.db']) {
      assert.equal(fileFromUrl(url), '/a b/ż.db', url)
    }
    assert.equal(fileFromUrl('/odd/100%.db'), '/odd/100%.db')
  })

  it('is none in memory, of a temporary database or on a server', () => {
    const names = ['', ':memory:', 'file::memory:', 'file::memory:?cache=shared', 'file:shop?mode=memory&cache=shared']
    for (const name of [...names, 'file:', 'libsql://host/shop', 'https://host/shop.db', undefined, null]) {
      assert.equal(fileFromUrl(name), undefined, String(name))
    }
  })

  it('is what the user says rather than what the ORM tells, and only on SQLite', () => {
    assert.deepEqual(fileFor('sqlite', { file: 'file:/said.db' }, '/told.db'), { file: '/said.db' })
    assert.deepEqual(fileFor('sqlite', { file: ':memory:' }, '/told.db'), {})
    assert.deepEqual(fileFor('sqlite', {}, '/told.db'), { file: '/told.db' })
    assert.deepEqual(fileFor('postgres', { file: '/said.db' }, '/told.db'), {})
  })

  it('is told by MikroORM, unless the dialect is one of the user', async () => {
    const open = async (options: object): Promise<string | undefined> => {
      const Order = new EntitySchema({ name: 'Order', properties: { id: { type: 'number', primary: true } } })
      const orm = await MikroORM.init({ entities: [Order], ...options })
      try {
        // the file that SQLite has open, where it has one
        const [main] = await orm.em.getConnection().execute<{ file: string }[]>('PRAGMA database_list')
        const { file } = mikro(orm, { app }).transactions ?? {}
        if (file !== undefined) assert.equal(file, main?.file)
        return file
      } finally {
        await orm.close()
      }
    }
    await inFolder(async (folder) => {
      const file = path.join(folder, 'a b.db')
      assert.equal(await open({ dbName: file }), file)
      assert.equal(await open({ dbName: path.relative(process.cwd(), file), baseDir: folder }), file)
      assert.equal(await open({ dbName: 'other.db', driverOptions: { dbName: file } }), file)
      assert.equal(await open({ dbName: ':memory:' }), undefined)
      assert.equal(await open({ dbName: 'other.db', driverOptions: new NodeSqliteDialect(file) }), undefined)
    })
  })

  it('is told by Sequelize', async () => {
    const open = async (given: Options, url?: string): Promise<string | undefined> => {
      const options: Options = { dialect: 'sqlite', dialectModule: nodeSqlite, logging: false, ...given }
      const instance = url === undefined ? new Sequelize(options) : new Sequelize(url, options)
      instance.define('Order', { id: { type: DataTypes.INTEGER, primaryKey: true } })
      const [main] = await instance.query<{ file: string }>('PRAGMA database_list', { type: QueryTypes.SELECT })
      await instance.close()
      const { file } = sequelize(instance, { app }).transactions ?? {}
      assert.equal(file ?? '', main?.file)
      return file
    }
    await inFolder(async (folder) => {
      const file = path.join(folder, 'shop.db')
      assert.equal(await open({ storage: file }), file)
      assert.equal(await open({}, `sqlite://${file}`), file)
      assert.equal(await open({ storage: ':memory:' }), undefined)
      assert.equal(await open({}), undefined)
    })
  })

  it('is told by Drizzle for better-sqlite3 and node:sqlite, and said by the user for libsql', async () => {
    const orders = sqliteTable('orders', { id: integer().primaryKey() })
    const orders1 = sqliteTable1('orders', { id: integer1().primaryKey() })
    const models = { Order: orders }
    await inFolder(async (folder) => {
      const file = path.join(folder, 'shop.db')
      for (const [name, told] of [
        [file, file],
        [':memory:', undefined],
        ['', undefined],
      ] as const) {
        const better = onBetterSqlite(name)
        assert.equal(drizzle(better, { app, sql, models }).transactions?.file, told)
        ;(better as unknown as { readonly $client: { close(): void } }).$client.close()
        const node = new DatabaseSync(name)
        const on1 = onNodeSqlite({ client: node })
        assert.equal(drizzle(on1, { app, sql: sql1, models: { Order: orders1 } }).transactions?.file, told)
        node.close()
      }
      const url = `file:${file}`
      const client = createClient({ url })
      assert.equal(drizzle(onLibsql(client), { app, sql, models }).transactions?.file, undefined)
      assert.equal(drizzle(onLibsql(client), { app, sql, models, file: url }).transactions?.file, file)
      client.close()
    })
  })

  it('is told by TypeORM, and said by the user for Kysely', async () => {
    const source = await new DataSource({ type: 'better-sqlite3', database: ':memory:' }).initialize()
    assert.equal(typeorm(source, { app }).transactions?.file, undefined)
    await source.destroy()
    await inFolder(async (folder) => {
      const file = path.join(folder, 'shop.db')
      const onFile = await new DataSource({ type: 'better-sqlite3', database: path.relative('.', file) }).initialize()
      assert.equal(typeorm(onFile, { app }).transactions?.file, file)
      await onFile.destroy()
      const db = new Kysely<{ orders: { id: number } }>({
        dialect: new SqliteDialect({ database: kyselySqlite(file) }),
      })
      const said = (name?: string): string | undefined => {
        const options = { app, ...(name !== undefined && { file: name }) }
        return kysely(db, { Order: { table: 'orders' } }, options).transactions?.file
      }
      assert.equal(said(), undefined)
      assert.equal(said(`file:${file}`), file)
      assert.equal(said(path.relative('.', file)), file)
      assert.equal(said(':memory:'), undefined)
      await db.destroy()
    })
  })
})

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-file-'))
  try {
    await body(folder)
    await assert.rejects(access('other.db'))
  } finally {
    await rm(folder, { recursive: true })
  }
}
