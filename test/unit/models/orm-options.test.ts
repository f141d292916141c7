import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClient } from '@libsql/client'
import { sql } from 'drizzle-orm'
import { drizzle as drizzleDb } from 'drizzle-orm/libsql'
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { Celeriac, ImproperlyConfigured, InvalidArguments, type OrmAdapter } from '../../../src/index.ts'
import { drizzle } from '../../../src/orms/drizzle.ts'
import { kysely, type KyselyOptions } from '../../../src/orms/kysely.ts'
import { mikro } from '../../../src/orms/mikro-orm.ts'
import { objection } from '../../../src/orms/objection.ts'
import { prisma } from '../../../src/orms/prisma.ts'
import { sequelize } from '../../../src/orms/sequelize.ts'
import { typeorm } from '../../../src/orms/typeorm.ts'

const dialect = {
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db: Kysely<never>) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
}

function ofKysely(options: unknown): OrmAdapter {
  const db = new Kysely<{ orders: { id: number } }>({ dialect })
  return kysely(db, { Order: { table: 'orders' } }, options as KyselyOptions)
}

function makeApp(): Celeriac {
  return new Celeriac('test', { broker: 'memory:', backend: 'memory:' })
}

describe('the adapter of an ORM', () => {
  type Make = (orm: never, options: never) => unknown
  const adapters: readonly [string, Make][] = [
    ['typeorm', typeorm],
    ['prisma', prisma],
    ['drizzle', drizzle],
    ['mikro', mikro],
    ['sequelize', sequelize],
    ['kysely', (orm, options) => kysely(orm, {}, options)],
    ['objection', (orm, options) => objection(orm, [], options)],
  ]
  for (const [name, make] of adapters) {
    it(`${name}() refuses options that it does not have, and says which it needs`, () => {
      const from = (orm: unknown, options: unknown) => (): unknown => make(orm as never, options as never)
      assert.throws(
        from({}, { app: 'shop', alases: {} }),
        new RegExp(`alases is no option of ${name}\\(\\); did you mean`),
      )
      assert.throws(
        from({}, undefined),
        new RegExp(`${name}\\(\\w+, options\\) needs options, such as { app: 'shop' }; got`),
      )
      assert.throws(from({}, {}), new RegExp(`${name}\\(…, { app }\\) must be a name without dots.*got nothing`))
      assert.throws(from(undefined, { app: 'shop' }), new RegExp(`${name}\\((\\w+)\\) needs the \\1; got nothing`))
      assert.throws(from(Promise.resolve(), { app: 'shop' }), /got a promise: await it first/)
    })
  }

  it('refuses aliases of models that it does not have, and labels that are none', () => {
    const alias = (aliases: object) => () => ofKysely({ app: 'shop', aliases })
    assert.throws(alias({ Ordr: ['shop.Purchase'] }), /names the model Ordr; did you mean Order\?/)
    assert.throws(alias({ Order: 'shop.Purchase' }), /must be a list of labels.*got "shop.Purchase"/)
    assert.throws(alias({ Order: ['Purchase'] }), ImproperlyConfigured)
    assert.deepEqual(
      [...ofKysely({ app: 'shop', aliases: { Order: ['shop.Purchase'] } }).models()].map(({ aliases }) => aliases),
      [['shop.Purchase']],
    )
  })
})

describe('what an adapter is told of tables', () => {
  it('is refused by kysely() where it names none', () => {
    const db = new Kysely<{ orders: { id: number } }>({ dialect })
    assert.throws(
      () => kysely(db, { Order: 'orders' as never }, { app: 'shop' }),
      /Order must be { table: 'orders' }; got "o/,
    )
  })

  it('is refused by drizzle() where it names none, or columns that no table has', () => {
    const orders = sqliteTable('orders', { id: integer().primaryKey() })
    const db = drizzleDb({ client: createClient({ url: ':memory:' }) })
    const make = (options: object) => () => drizzle(db, { app: 'shop', sql, models: { Order: orders }, ...options })
    assert.throws(make({ sql: undefined }), /needs the sql of your Drizzle/)
    assert.throws(make({ models: [orders] }), /must be tables by name.*got a list of 1/)
    assert.throws(make({ models: undefined }), /must be tables by name.*got nothing/)
    assert.throws(make({ version: 'vrsion' }), /version }\) names the column vrsion, which none of the tables has/)
    assert.throws(make({ deletedAt: 'gone' }), /deletedAt }\) names the column gone/)
  })
})

describe('app.models.use', () => {
  it('refuses what is no adapter, such as the ORM itself', () => {
    const { models } = makeApp()
    const use = models.use.bind(models) as (given: unknown) => unknown
    assert.throws(() => use(new Kysely({ dialect })), /takes what typeorm\(\), prisma\(\).*got an instance of Kysely/)
    assert.throws(() => use(undefined), /got nothing/)
  })

  it('changes nothing with an adapter that is in use, and refuses another for the same labels', () => {
    const { models } = makeApp()
    const adapter = ofKysely({ app: 'shop' })
    assert.equal(models.use(adapter).use(adapter).adapters.length, 1)
    assert.throws(() => models.use(ofKysely({ app: 'shop' })), /shop\.Order is claimed twice/)
  })
})

describe('what is no row', () => {
  it('is told from one by an error that says what to do', async () => {
    const app = makeApp()
    const task = app.task('test.task', (...given: unknown[]) => given)
    class Order {}
    await assert.rejects(task.delay(new Order()), /an instance of Order, neither plain data nor a row of an ORM in use/)
    await assert.rejects(task.delay(Promise.resolve(1)), /\$\.args\[0\] is a promise; await it before the call/)
    assert.throws(() => app.delay(undefined as unknown as object), InvalidArguments)
    assert.throws(() => app.methods(Order, []), /no ORM in use knows the model Order.*label: 'shop\.Order'/)
    assert.throws(() => app.models.ref('shop.Order', undefined as never), /the key is not made of numbers.*got nothing/)
  })
})
