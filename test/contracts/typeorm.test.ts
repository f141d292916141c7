import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DataSource } from 'typeorm'
import type { LoadOptions } from '../../src/app/model-loading.ts'
import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import { DatabaseUnavailable, ImproperlyConfigured } from '../../src/errors.ts'
import { typeorm } from '../../src/orms/typeorm.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { service, testDatabase, type TestDatabase } from '../services.ts'
import { createTables } from './orm-contract-schema.ts'
import { inApp, newUser, type ModelLab } from './orm-contract-tools.ts'
import { describeOrm, describeWithLab } from './orm-contract.ts'
import {
  type Animal,
  Cat,
  Dog,
  openTypeOrmLab,
  openTypeOrmOn,
  replicated,
  User,
  type TypeOrmLab,
} from './typeorm-lab.ts'

const databases = ['sqlite', 'postgres', 'mysql'] as const

describeOrm('typeorm', {
  databases,
  open: openTypeOrmOn,
  abilities: { relations: true, hideDeleted: true, lock: true },
})

describeWithLab('typeorm', { databases, open: openTypeOrmOn }, (it) => {
  it('loads a hierarchy through its root: what became a Cat arrives as one', async (lab) => {
    const dog = await lab.dataSource.manager.save(Object.assign(new Dog(), { name: 'Rex' }))
    const sent = lab.models.toReferences([dog]) as unknown as [ModelReference]
    assert.equal(sent[0].label, 'shop.Dog')
    await lab.database.execute(`UPDATE animals SET kind = 'Cat' WHERE id = ${dog.id}`)
    const [byDog, byRoot] = (await lab.models.load([sent[0], new ModelReference('shop.Animal', dog.id)])) as Animal[]
    assert.ok(byDog instanceof Cat)
    assert.equal(byDog, byRoot)
  })
})

describeWithLab('typeorm with a replica', { databases: ['postgres', 'mysql'], open: openTypeOrmOn }, (it, dialect) => {
  it('reads from the primary what the replica lacks, or has in an older version', async ({ database: primary }) => {
    const server = await service(dialect === 'mysql' ? dialect : 'postgres')
    assert.ok(!('missing' in server))
    await using replica = await testDatabase(server)
    await createTables(replica)
    const insert = (database: TestDatabase, id: number, name: string, version: number): Promise<unknown> =>
      database.execute(`INSERT INTO users (id, name, version) VALUES (${id}, '${name}', ${version})`)
    await insert(primary, 1, 'fresh', 2)
    await insert(replica, 1, 'stale', 1)
    await insert(primary, 2, 'new', 1)
    await using dataSource = disposable(await replicated(primary, replica).initialize())
    const models = new Models(new Transactions(() => assert.fail())).use(typeorm(dataSource.source, { app: 'shop' }))
    const nameOf = async (id: number, v: number, options: LoadOptions = {}): Promise<string> =>
      ((await models.load(new ModelReference('shop.User', id, { v }), { grace: 0, ...options })) as User).name
    assert.equal(await nameOf(1, 1), 'stale')
    assert.equal(await nameOf(1, 2), 'fresh')
    assert.equal(await nameOf(2, 1), 'new')
    assert.equal(await nameOf(1, 1, { read: 'primary' }), 'fresh')
    assert.equal(await nameOf(1, 2, { read: 'any' }), 'stale')
    const unversioned = (await models.load(new ModelReference('shop.User', 1), { grace: 0 })) as User
    assert.equal(unversioned.name, 'fresh')
  })
})

function disposable(source: DataSource): AsyncDisposable & { readonly source: DataSource } {
  return { source, [Symbol.asyncDispose]: () => source.destroy() }
}

async function withLab(test: (lab: ModelLab & TypeOrmLab) => Promise<void>): Promise<void> {
  await using lab = await openTypeOrmLab()
  await test(inApp(lab))
}

describe('typeorm', () => {
  it('asks for an initialized data source', () => {
    const dataSource = new DataSource({ type: 'better-sqlite3', database: ':memory:' })
    assert.throws(() => typeorm(dataSource, { app: 'shop' }), ImproperlyConfigured)
  })

  it('refuses an app name with a dot: labels have one', () =>
    withLab(async ({ dataSource }) => {
      assert.throws(() => typeorm(dataSource, { app: 'a.b' }), ImproperlyConfigured)
    }))

  it('registers the chosen entities only', () =>
    withLab(async ({ dataSource }) => {
      const labels = [...typeorm(dataSource, { app: 'shop', entities: [User] }).models()].map(({ label }) => label)
      assert.deepEqual(labels, ['shop.User'])
    }))

  it('follows transactions begun on a query runner, and savepoints in them', () =>
    withLab(async ({ dataSource, transactions }) => {
      const ran: string[] = []
      const runner = dataSource.createQueryRunner()
      await runner.startTransaction()
      transactions.afterCommit(() => ran.push('by runner'), runner)
      transactions.afterCommit(() => ran.push('by manager'), runner.manager)
      await runner.startTransaction()
      transactions.afterCommit(() => ran.push('lost'), runner)
      await runner.rollbackTransaction()
      await runner.manager.transaction(async () => void transactions.afterCommit(() => ran.push('ambient')))
      assert.equal(ran.length, 0)
      await runner.commitTransaction()
      assert.deepEqual(ran, ['by runner', 'by manager', 'ambient'])
      await runner.startTransaction()
      transactions.afterCommit(() => ran.push('lost'), runner)
      await runner.rollbackTransaction()
      assert.equal(ran.length, 3)
    }))

  it('runs callbacks when a subscriber of the user throws after the COMMIT', () =>
    withLab(async ({ dataSource, transactions }) => {
      const ran: string[] = []
      dataSource.subscribers.push({
        afterTransactionCommit() {
          throw new Error('a subscriber failed')
        },
      })
      const committed = dataSource.transaction(async () => void transactions.afterCommit(() => ran.push('sent')))
      await assert.rejects(committed, /a subscriber failed/)
      assert.deepEqual(ran, ['sent'])
    }))

  it('knows as rolled back what could not be rolled back because it was over', () =>
    withLab(async ({ dataSource, transactions }) => {
      let scope: ReturnType<typeof transactions.current>
      const failed = dataSource.transaction(async (manager) => {
        scope = transactions.current()
        await manager.query('ROLLBACK')
        throw new Error('the database ended it')
      })
      await assert.rejects(failed, /the database ended it/)
      assert.equal(scope?.state, 'rolledBack')
    }))

  it('runs callbacks outside of a transaction of another data source that is still open', () =>
    withLab(async ({ dataSource, transactions }) => {
      await using other = await openTypeOrmLab()
      transactions.install(other.adapter)
      const currents: unknown[] = []
      await other.transaction(async () => {
        await dataSource.transaction(async () => {
          transactions.afterCommit(() => currents.push(transactions.current()))
        })
        assert.deepEqual(currents, [undefined])
        assert.equal(transactions.current()?.adapter, other.adapter)
      })
    }))

  it('takes no plain object for an entity, whatever its fields say', () =>
    withLab(async ({ models }) => {
      const value = [{ constructor: User, id: 1, name: 'Ada' }]
      assert.equal(models.toReferences(value), value)
    }))

  it('gives the connection back before callbacks run', () =>
    withLab(async ({ dataSource, transactions }) => {
      const order: string[] = []
      const create = dataSource.createQueryRunner.bind(dataSource)
      dataSource.createQueryRunner = (...args) => {
        const runner = create(...args)
        runner.release = () => Promise.resolve(void order.push('released'))
        return runner
      }
      await dataSource.transaction(async () => void transactions.afterCommit(() => order.push('callback')))
      assert.deepEqual(order, ['released', 'callback'])
    }))

  it('gives every task its own copy of columns that hold objects', () =>
    withLab(async (lab) => {
      const at = new Date(0)
      const values = { name: 'Ada', tags: ['a', 'b'], deletedAt: at }
      const user = await lab.dataSource.manager.save(Object.assign(new User(), values))
      const copy = lab.adapter.copy?.(user) as User
      assert.deepEqual(copy, user)
      assert.notEqual(copy, user)
      assert.notEqual(copy.tags, user.tags)
      assert.notEqual(copy.deletedAt, user.deletedAt)
    }))

  it('copies no row for which the user listens to loading', () =>
    withLab(async ({ dataSource }) => {
      dataSource.subscribers.push({ afterLoad: () => undefined })
      assert.equal(typeorm(dataSource, { app: 'shop' }).copy?.(new User()), undefined)
    }))

  it('says that a destroyed data source is unavailable', async () => {
    await using lab = await openTypeOrmLab()
    const { models } = inApp(lab)
    const user = models.toReferences(await newUser(lab, 'Ada'))
    Object.defineProperty(lab.dataSource, 'isInitialized', { value: false, configurable: true, writable: true })
    await assert.rejects(models.load(user), DatabaseUnavailable)
    Object.defineProperty(lab.dataSource, 'isInitialized', { value: true, configurable: true, writable: true })
  })
})
