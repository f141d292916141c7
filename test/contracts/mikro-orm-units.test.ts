import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EntitySchema, MikroORM, type OptionalProps, ref, RequestContext, type Ref } from '@mikro-orm/sqlite'
import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import { ImproperlyConfigured, InvalidArguments } from '../../src/errors.ts'
import { mikro } from '../../src/orms/mikro-orm.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'

class Shop {
  declare id: number
  declare name: string
}
class Order {
  declare [OptionalProps]?: 'version' | 'deletedAt'
  declare id: number
  declare note: string
  declare tags: string[] | null
  declare version: number
  declare shop: Ref<Shop>
  declare deletedAt: Date | null
}
class Line {
  declare order: Ref<Order>
  declare place: number
  declare text: string
}

const shopSchema = new EntitySchema<Shop>({
  class: Shop,
  properties: { id: { type: 'integer', primary: true }, name: { type: 'string' } },
})
const orderSchema = new EntitySchema<Order>({
  class: Order,
  tableName: 'orders',
  filters: { alive: { name: 'alive', cond: { deletedAt: null }, default: true } },
  properties: {
    id: { type: 'integer', primary: true },
    note: { type: 'string' },
    tags: { type: 'json', nullable: true },
    version: { type: 'integer', version: true },
    shop: { kind: 'm:1', entity: () => Shop, ref: true, nullable: true },
    deletedAt: { type: 'datetime', nullable: true },
  },
})
const lineSchema = new EntitySchema<Line>({
  class: Line,
  properties: {
    order: { kind: 'm:1', entity: () => Order, ref: true, primary: true },
    place: { type: 'integer', primary: true },
    text: { type: 'string' },
  },
})

interface Lab extends AsyncDisposable {
  readonly orm: MikroORM
  readonly models: Models
  readonly transactions: Transactions
  readonly statements: string[]
}

async function openLab(): Promise<Lab> {
  const statements: string[] = []
  const orm = await MikroORM.init({
    dbName: ':memory:',
    entities: [shopSchema, orderSchema, lineSchema],
    debug: ['query'],
    colors: false,
    logger: (message) => statements.push(message.replace(/^\[query\] /, '')),
  })
  await orm.schema.create()
  const em = orm.em.fork()
  em.create(Shop, { id: 1, name: 'first' })
  for (const id of [1, 2, 3]) em.create(Order, { id, note: `n${id}`, tags: ['a'], shop: em.getReference(Shop, 1) })
  await em.flush()
  em.create(Line, { order: em.getReference(Order, 1), place: 7, text: 'seven' })
  await em.flush()
  const transactions = new Transactions((error) => assert.fail(error as Error))
  const models = new Models(transactions).use(mikro(orm, { app: 'shop' }))
  statements.length = 0
  return { orm, models, transactions, statements, [Symbol.asyncDispose]: () => orm.close() }
}

const withLab = (test: (lab: Lab) => Promise<void>) => async (): Promise<void> => {
  await using lab = await openLab()
  await test(lab)
}

const order = (id: number): ModelReference => new ModelReference('shop.Order', id)
const selects = (lab: Lab): string[] => lab.statements.filter((statement) => statement.startsWith('select'))

describe('mikro: the unit of work of a task', () => {
  it(
    'is that of orm.em in the task: a change is written by flush, once, and only if there is one',
    withLab(async (lab) => {
      const { orm, models, statements } = lab
      await models.runTask(async () => {
        const loaded = (await models.load(order(1))) as Order
        await orm.em.flush()
        assert.equal(statements.length, 1)
        loaded.note = 'changed'
        await orm.em.flush()
      })
      const updates = statements.filter((statement) => statement.startsWith('update'))
      assert.equal(updates.length, 1)
      const again = await orm.em.fork().findOneOrFail(Order, 1)
      assert.deepEqual([again.note, again.version], ['changed', 2])
    }),
  )

  it(
    'holds the arguments: what the task finds by itself is the same object',
    withLab(async ({ orm, models }) => {
      await models.runTask(async () => {
        const loaded = (await models.load(order(1))) as Order
        assert.equal(await orm.em.findOneOrFail(Order, 1), loaded)
        const shop = await loaded.shop.loadOrFail()
        assert.equal(shop.name, 'first')
      })
    }),
  )

  it(
    'is another in every task, though they share queries',
    withLab(async (lab) => {
      const { models } = lab
      const tasks = Array.from({ length: 100 }, (_, index) => (index % 3) + 1)
      const loaded = await Promise.all(
        tasks.map((id) => models.runTask(() => models.load([order(id), order(3)]) as Promise<[Order, Order]>)),
      )
      assert.equal(selects(lab).length, 1)
      assert.deepEqual(
        loaded.map(([first]) => first.id),
        tasks,
      )
      assert.equal(new Set(loaded.flat()).size, 100 * 2 - tasks.filter((id) => id === 3).length)
      const all = loaded.flat().map((row) => row.tags)
      assert.equal(new Set(all).size, new Set(loaded.flat()).size)
      assert.deepEqual(new Set(all.map((tags) => JSON.stringify(tags))), new Set(['["a"]']))
    }),
  )

  it(
    'is not that of the caller, of whose request or transaction nothing is seen',
    withLab(async ({ orm, models }) => {
      await RequestContext.create(orm.em, async () => {
        const mine = await orm.em.findOneOrFail(Order, 1)
        mine.note = 'not written'
        await models.runTask(async () => {
          const loaded = (await models.load(order(1))) as Order
          assert.notEqual(loaded, mine)
          assert.equal(loaded.note, 'n1')
        })
        assert.equal(await orm.em.findOneOrFail(Order, 1), mine)
      })
      await orm.em.fork().transactional(async (em) => {
        const mine = await em.findOneOrFail(Order, 1)
        await models.runTask(async () => {
          assert.notEqual(orm.em.getContext(false), em)
          assert.ok(!orm.em.isInTransaction())
        })
        assert.equal(await orm.em.findOneOrFail(Order, 1), mine)
      })
    }),
  )

  it('is one for each ORM of the app', async () => {
    await using lab = await openLab()
    const archive = await MikroORM.init({
      dbName: ':memory:',
      contextName: 'archive',
      entities: [new EntitySchema<Shop>({ class: class Shelf extends Shop {}, properties: shopProperties })],
    })
    lab.models.use(mikro(archive, { app: 'archive' }))
    await lab.models.runTask(async () => {
      assert.notEqual(lab.orm.em.getContext(false), lab.orm.em)
      assert.notEqual(archive.em.getContext(false), archive.em)
    })
    await archive.close()
  })

  it('cannot be had where the ORM takes it from elsewhere', async () => {
    const orm = await MikroORM.init({ dbName: ':memory:', entities: [shopSchema], context: () => undefined })
    const models = new Models(new Transactions(() => undefined)).use(mikro(orm, { app: 'shop' }))
    await assert.rejects(
      models.runTask(() => Promise.resolve()),
      ImproperlyConfigured,
    )
    await orm.close()
  })
})

const shopProperties = { id: { type: 'integer', primary: true }, name: { type: 'string' } } as const

describe('mikro: what travels', () => {
  it(
    'takes references and entities that are not loaded, and relations as parts of a key',
    withLab(async ({ orm, models }) => {
      const em = orm.em.fork()
      const unloaded = em.getReference(Order, 2)
      const wrapped = ref(await em.findOneOrFail(Order, 1))
      assert.deepEqual(models.toReferences([unloaded, wrapped]), [
        new ModelReference('shop.Order', 2),
        new ModelReference('shop.Order', 1, { v: 1 }),
      ])
      const line = await em.findOneOrFail(Line, { place: 7 })
      const sent = models.toReferences(line) as unknown as ModelReference
      assert.deepEqual(sent, new ModelReference('shop.Line', [1, 7]))
      assert.equal(((await models.load(sent)) as Line).text, 'seven')
    }),
  )

  it(
    'loads rows that a default filter hides, unless they are to stay hidden, and relations that are asked for',
    withLab(async ({ orm }) => {
      await orm.em.fork().execute('update orders set deleted_at = 1 where id = 1')
      const adapter = mikro(orm, { app: 'shop' })
      const model = [...adapter.models()].find(({ label }) => label === 'shop.Order')
      assert.ok(model)
      assert.equal((await adapter.fetch(model, [1, 2], { primary: true })).length, 2)
      assert.equal((await adapter.fetch(model, [1, 2], { primary: true, hideDeleted: true })).length, 1)
      const [row] = (await adapter.fetch(model, [2], { primary: true, relations: ['shop'] })) as Order[]
      assert.equal(row?.shop.unwrap().name, 'first')
      const locked = adapter.fetch(model, [2], { primary: true, lock: 'update' })
      await assert.rejects(locked, ImproperlyConfigured)
    }),
  )

  it(
    'registers the chosen entities only, and says what is none',
    withLab(async ({ orm }) => {
      const labels = [...mikro(orm, { app: 'shop', entities: [Order] }).models()].map(({ label }) => label)
      assert.deepEqual(labels, ['shop.Order'])
      assert.throws(() => mikro(orm, { app: 'shop', entities: [Date] }), ImproperlyConfigured)
      assert.throws(() => mikro(orm, { app: 'a.b' }), ImproperlyConfigured)
    }),
  )
})

describe('mikro: transactions', () => {
  it(
    'are followed when begun by hand, and when flush makes one',
    withLab(async ({ orm, transactions }) => {
      const ran: string[] = []
      const em = orm.em.fork()
      await em.begin()
      transactions.afterCommit(() => ran.push('by hand'), em)
      assert.equal(ran.length, 0)
      await em.commit()
      assert.deepEqual(ran, ['by hand'])
      await em.begin()
      transactions.afterCommit(() => ran.push('lost'), em)
      await em.rollback()
      assert.throws(() => transactions.afterCommit(() => undefined, em), InvalidArguments)
      em.getEventManager().registerSubscriber({
        afterCreate: () => void transactions.afterCommit(() => ran.push('by flush')),
        afterTransactionCommit: () => void ran.push('committed'),
      })
      em.create(Shop, { id: 2, name: 'second' })
      await em.flush()
      assert.deepEqual(ran, ['by hand', 'committed', 'by flush'])
    }),
  )

  it(
    'are committed when the database says so, whatever subscribers throw after it',
    withLab(async ({ orm, transactions }) => {
      const ran: string[] = []
      const em = orm.em.fork()
      em.getEventManager().registerSubscriber({
        afterTransactionCommit({ transaction }) {
          if (!('savepointName' in transaction)) throw new Error('a subscriber failed')
        },
      })
      const committed = em.transactional(async (inner) => {
        inner.create(Shop, { id: 2, name: 'second' })
        transactions.afterCommit(() => ran.push('sent'))
      })
      await assert.rejects(committed, /a subscriber failed/)
      assert.deepEqual(ran, ['sent'])
      assert.ok(await orm.em.fork().findOne(Shop, 2))
    }),
  )

  it(
    'hold what is called on the outer entity manager while a savepoint is open for that savepoint',
    withLab(async ({ orm, transactions }) => {
      const ran: string[] = []
      await orm.em.fork().transactional(async (outer) => {
        const lost = outer.transactional(async () => {
          transactions.afterCommit(() => ran.push('lost'), outer)
          throw new Error('back')
        })
        await assert.rejects(lost, /back/)
        transactions.afterCommit(() => ran.push('kept'), outer)
      })
      assert.deepEqual(ran, ['kept'])
    }),
  )

  it(
    'are over where callbacks run: orm.em is not in one',
    withLab(async ({ orm, transactions }) => {
      const seen: unknown[] = []
      await orm.em.fork().transactional(async (em) => {
        em.create(Shop, { id: 2, name: 'second' })
        transactions.afterCommit(async () => {
          seen.push(orm.em.isInTransaction(), (await orm.em.findOneOrFail(Shop, { name: 'second' })).id)
        })
      })
      assert.deepEqual(seen, [false, 2])
    }),
  )

  it(
    'take statements with values on their connection, question marks in texts too',
    withLab(async ({ orm }) => {
      const { transactions } = mikro(orm, { app: 'shop' })
      assert.ok(transactions)
      const failed = transactions.run(async (tx) => {
        await transactions.execute(tx, "insert into shop (id, name) values (?, 'what?')", [9])
        const rows = await transactions.execute(tx, 'select name from shop where id = ?', [9])
        assert.deepEqual(rows, [{ name: 'what?' }])
        throw new Error('back')
      })
      await assert.rejects(failed, /back/)
      assert.equal(await orm.em.fork().count(Shop, 9), 0)
    }),
  )
})
