import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClient } from '@libsql/client'
import { defineEntity, MikroORM, p } from '@mikro-orm/sqlite'
import { sql } from 'drizzle-orm'
import { drizzle as drizzleDb } from 'drizzle-orm/libsql'
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core'
import knexModule from 'knex'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { Model as ObjectionModel } from 'objection'
import { DataTypes, Model as SequelizeModel, Sequelize } from 'sequelize'
import { nodeSqlite } from '../../../examples/sequelize/node-sqlite.ts'
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

const knex = knexModule.default

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

describe('what is no ORM', () => {
  it('is refused by the adapters, with what was given', () => {
    const options = { app: 'shop' }
    assert.throws(() => mikro({ em: undefined } as never, options), /needs what MikroORM\.init\(\) gave; got an object/)
    assert.throws(() => sequelize(class Order {} as never, options), /needs a Sequelize; got a function/)
    const base = knex({ client: 'better-sqlite3' })
    assert.throws(
      () => objection(base, ObjectionModel as never, options),
      /needs a list of model classes; got a function/,
    )
    assert.throws(() => objection(base, ['Order'] as never, options), /got a list of 1/)
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

describe('a row of a model that is not in use', () => {
  const refused = /is a row of Late, a model that no ORM in use has; once that is defined give its ORM/

  it('is refused, although Objection could write it as JSON', async () => {
    const task = makeApp().task('test.task', (...given: unknown[]) => given)
    class Late extends ObjectionModel {
      static override tableName = 'late'
    }
    await assert.rejects(task.delay(Late.fromJson({ id: 1 })), refused)
  })

  it('is refused, although Sequelize could write it as JSON', async () => {
    const task = makeApp().task('test.task', (...given: unknown[]) => given)
    class Late extends SequelizeModel {}
    Late.init(
      { name: DataTypes.STRING },
      { sequelize: new Sequelize({ dialect: 'sqlite', dialectModule: nodeSqlite }) },
    )
    await assert.rejects(task.delay({ list: [Late.build({ name: 'a' })] }), /args\[0\]\.list\[0\] is a row of Late/)
  })

  it('is refused, although MikroORM could write it as JSON, unlike its embeddables', async () => {
    const task = makeApp().task('test.task', (...given: unknown[]) => given)
    const Place = defineEntity({ name: 'Place', embeddable: true, properties: { city: p.string() } })
    const Late = defineEntity({ name: 'Late', properties: { id: p.integer().primary(), place: p.embedded(Place) } })
    const orm = await MikroORM.init({ dbName: ':memory:', entities: [Late, Place] })
    const late = orm.em.fork().create(Late, { id: 1, place: { city: 'Rome' } })
    await assert.rejects(task.delay(late), refused)
    await task.delay(late.place)
    await orm.close()
  })
})

describe('what is no row', () => {
  it('is told from one by an error that says what to do', async () => {
    const app = makeApp()
    const task = app.task('test.task', (...given: unknown[]) => given)
    class Order {}
    await assert.rejects(task.delay(new Order()), /an instance of Order, neither plain data nor a row of an ORM in use/)
    for (const pending of [Promise.resolve(1), knex({ client: 'better-sqlite3' })('orders').first()]) {
      await assert.rejects(
        task.delay({ pending }),
        /\$\.args\[0\]\.pending is a promise or a query; await it before the call/,
      )
    }
    assert.throws(() => app.delay(undefined as unknown as object), InvalidArguments)
    assert.throws(() => app.methods(Order, []), /no ORM in use knows the model Order.*label: 'shop\.Order'/)
    assert.throws(() => app.models.ref('shop.Order', undefined as never), /the key is not made of numbers.*got nothing/)
  })
})
