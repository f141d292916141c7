import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, it } from 'node:test'
import { DataTypes, Model, Sequelize, type ForeignKey, type NonAttribute, type Transaction } from 'sequelize'
import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import { DatabaseUnavailable, ImproperlyConfigured, UnidentifiableInstance } from '../../src/errors.ts'
import { sequelize } from '../../src/orms/sequelize.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { testDatabase } from '../services.ts'
import { nodeSqlite } from '../../examples/sequelize/node-sqlite.ts'

class Shop extends Model {
  declare id: number
  declare name: string
}
class Order extends Model {
  declare id: number
  declare note: string
  declare tags: string[] | null
  declare updatedAt: Date
  declare shopId: ForeignKey<number>
  declare shop?: NonAttribute<Shop>
}

interface Lab extends AsyncDisposable {
  readonly database: Sequelize
  readonly models: Models
  readonly transactions: Transactions
}

async function openLab(): Promise<Lab> {
  const file = await testDatabase('sqlite')
  const database = new Sequelize({ dialect: 'sqlite', dialectModule: nodeSqlite, storage: file.url, logging: false })
  const id = { type: DataTypes.INTEGER, primaryKey: true }
  Shop.init({ id, name: DataTypes.STRING }, { sequelize: database, timestamps: false })
  Order.init(
    { id, note: DataTypes.STRING, tags: DataTypes.JSON },
    { sequelize: database, paranoid: true, defaultScope: { where: { note: 'shown' } } },
  )
  Order.belongsTo(Shop, { as: 'shop', foreignKey: 'shopId' })
  await database.sync()
  await Shop.create({ id: 1, name: 'first' })
  await Order.create({ id: 1, note: 'shown', tags: ['a'], shopId: 1 })
  await Order.create({ id: 2, note: 'hidden', shopId: 1 })
  const transactions = new Transactions((error) => assert.fail(error as Error))
  const models = new Models(transactions).use(sequelize(database, { app: 'shop' }))
  return {
    database,
    models,
    transactions,
    async [Symbol.asyncDispose]() {
      await database.close()
      await file[Symbol.asyncDispose]()
    },
  }
}

const withLab = (test: (lab: Lab) => Promise<void>) => async (): Promise<void> => {
  await using lab = await openLab()
  await test(lab)
}

const order = (id: number): ModelReference => new ModelReference('shop.Order', id)

describe('sequelize: what travels', () => {
  it(
    'takes instances of scoped models, with the time of their update as version',
    withLab(async ({ models }) => {
      const [row] = await Order.unscoped().findAll({ where: { id: 2 } })
      assert.ok(row)
      assert.deepEqual(
        models.toReferences(row),
        new ModelReference('shop.Order', 2, { v: row.updatedAt.toISOString() }),
      )
    }),
  )

  it(
    'refuses instances that are built but not saved, or loaded without their key',
    withLab(async ({ models }) => {
      assert.throws(() => models.toReferences(Order.build({ id: 7 })), UnidentifiableInstance)
      const partial = await Order.findOne({ attributes: ['note'] })
      assert.throws(() => models.toReferences(partial), UnidentifiableInstance)
    }),
  )

  it(
    'loads rows that are soft-deleted or outside the default scope, unless they are to stay hidden',
    withLab(async ({ database, models }) => {
      await Order.destroy({ where: { id: 1 } })
      const [first, second] = (await models.load([order(1), order(2)])) as [Order, Order]
      assert.deepEqual([first.note, second.note], ['shown', 'hidden'])
      assert.ok(first instanceof Order)
      const adapter = sequelize(database, { app: 'shop' })
      const model = [...adapter.models()].find(({ handle }) => handle === Order)
      assert.ok(model)
      assert.deepEqual(await adapter.fetch(model, [1, 2], { primary: true, hideDeleted: true }), [])
      await Order.restore({ where: { id: 1 } })
      assert.equal((await adapter.fetch(model, [1, 2], { primary: true, hideDeleted: true })).length, 1)
    }),
  )

  it(
    'loads relations that are asked for, and locks only where the database can',
    withLab(async ({ database }) => {
      const adapter = sequelize(database, { app: 'shop', models: [Order] })
      const [model, ...others] = adapter.models()
      assert.ok(model && others.length === 0)
      const [row] = (await adapter.fetch(model, [1], { primary: true, relations: ['shop'] })) as Order[]
      assert.equal(row?.shop?.name, 'first')
      assert.equal(adapter.copy?.(row), undefined)
      await assert.rejects(adapter.fetch(model, [1], { primary: true, lock: 'update' }), ImproperlyConfigured)
    }),
  )

  it(
    'gives every task an instance of its own that can be changed and saved',
    withLab(async ({ database, models }) => {
      const [first, second] = (await Promise.all([models.load(order(1)), models.load(order(1))])) as [Order, Order]
      assert.notEqual(first, second)
      assert.notEqual(first.tags, second.tags)
      for (const copy of [first, second]) {
        assert.deepEqual(copy.tags, ['a'])
        assert.equal(copy.changed(), false)
        assert.equal(copy.isNewRecord, false)
      }
      await second.update({ note: 'changed' })
      assert.equal((await Order.unscoped().findByPk(1))?.note, 'changed')
      Order.addHook('afterFind', 'mine', () => undefined)
      assert.equal(sequelize(database, { app: 'shop' }).copy?.(first), undefined)
      Order.removeHook('afterFind', 'mine')
    }),
  )

  it(
    'registers models that are defined, and says what is none',
    withLab(async ({ database }) => {
      const other = new Sequelize({ dialect: 'sqlite', dialectModule: nodeSqlite, storage: ':memory:' })
      assert.throws(() => sequelize(other, { app: 'shop' }), /define the models/)
      assert.throws(() => sequelize(other, { app: 'shop', models: [Order] }), ImproperlyConfigured)
      assert.throws(() => sequelize(database, { app: 'a.b' }), ImproperlyConfigured)
    }),
  )

  it('says that a Sequelize that is closed is unavailable', async () => {
    await using lab = await openLab()
    await lab.database.close()
    await assert.rejects(lab.models.load(order(1)), DatabaseUnavailable)
  })
})

describe('sequelize: transactions', () => {
  it(
    'are followed when they are unmanaged; callbacks run when the connection is given back',
    withLab(async ({ database, transactions }) => {
      const ran: unknown[] = []
      const outer = await database.transaction()
      transactions.afterCommit(async () => ran.push('by hand', (await Order.unscoped().count()) > 0), outer)
      const inner = await database.transaction({ transaction: outer })
      transactions.afterCommit(() => ran.push('lost'), inner)
      transactions.afterCommit(() => ran.push('lost, on the outer handle'), outer)
      await inner.rollback()
      assert.equal(ran.length, 0)
      await outer.commit()
      assert.deepEqual(ran, ['by hand', true])
      const gone = await database.transaction()
      transactions.afterCommit(() => ran.push('lost'), gone)
      await gone.rollback()
      assert.equal(ran.length, 2)
    }),
  )

  it(
    'are committed when the database says so, whatever an afterCommit of the user throws',
    withLab(async ({ database, transactions }) => {
      const ran: string[] = []
      const committed = database.transaction(async (transaction) => {
        transaction.afterCommit(() => {
          throw new Error('a hook failed')
        })
        transactions.afterCommit(() => ran.push('sent'))
      })
      await assert.rejects(committed, /a hook failed/)
      assert.deepEqual(ran, ['sent'])
    }),
  )

  it(
    'are not entered by loading outside of them, with a context of Sequelize either',
    withLab(async ({ database, models, transactions }) => {
      const restore = useContext()
      try {
        await database.transaction(async () => {
          await Shop.update({ name: 'uncommitted' }, { where: { id: 1 } })
          const shop = (): Promise<Shop> => models.load(new ModelReference('shop.Shop', 1)) as Promise<Shop>
          assert.equal((await shop()).name, 'uncommitted')
          assert.equal((await transactions.outside(shop)).name, 'first')
        })
      } finally {
        restore()
      }
    }),
  )

  it(
    'take statements with values on their connection',
    withLab(async ({ database }) => {
      const { transactions } = sequelize(database, { app: 'shop' })
      assert.ok(transactions)
      const failed = transactions.run(async (tx) => {
        await transactions.execute(tx, "INSERT INTO Shops (id, name) VALUES (?, 'what?')", [9])
        assert.deepEqual(await transactions.execute(tx, 'SELECT name FROM Shops WHERE id = ?', [9]), [
          { name: 'what?' },
        ])
        throw new Error('back')
      })
      await assert.rejects(failed, /back/)
      assert.equal(await Shop.count({ where: { id: 9 } }), 0)
    }),
  )
})

/** `Sequelize.useCLS`, with what Node has for it. */
function useContext(): () => void {
  const storage = new AsyncLocalStorage<Map<string, unknown>>()
  Sequelize.useCLS({
    bind: (body: unknown) => body,
    run: (body: (context: unknown) => unknown) => storage.run(new Map(), () => body({})),
    get: (name: string) => storage.getStore()?.get(name),
    set: (name: string, value: Transaction) => void storage.getStore()?.set(name, value),
  })
  return () => Reflect.deleteProperty(Sequelize, '_cls')
}
