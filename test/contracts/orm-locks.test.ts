import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EntityManager } from 'typeorm'
import { currentTask, model, type Celeriac } from '../../src/index.ts'
import { service, skipIfMissing } from '../services.ts'
import { openShop, Order, User, type Shop } from './shop-lab.ts'

const postgres = await service('postgres')
const soon = { timeout: 30 }

function test(name: string, body: (shop: Shop) => Promise<void>): void {
  it(name, async () => {
    if ('missing' in postgres) return
    await using shop = await openShop(postgres)
    await body(shop)
  })
}

function manager(app: Celeriac): EntityManager {
  const scope = app.transactions.current()
  assert.ok(scope)
  return scope.tx as EntityManager
}

describe('locked rows on PostgreSQL', { skip: skipIfMissing(postgres) }, () => {
  test('belong to one task at a time: no update is lost', async (shop) => {
    const { app } = shop
    const order = await shop.save(Order, { total: 0 })
    const raise = app.task('shop.raise', [model(Order, { lock: 'update' })], async (locked) => {
      const { total } = locked
      await new Promise((resolve) => setImmediate(resolve))
      await manager(app).update(Order, locked.id, { total: total + 1 })
    })
    const results = await raise.delayMany(Array.from({ length: 40 }, () => [order] as [Order]))
    await shop.startWorker({ concurrency: 8 })
    for (const result of results) await result.get(soon)
    const [row] = await shop.database.execute(`SELECT total FROM shop_orders WHERE id = ${order.id}`)
    assert.equal(row?.['total'], 40)
  })

  test('are locked in one order by all tasks, so that they do not wait for each other for ever', async (shop) => {
    const { app } = shop
    const [ada, order] = [await shop.save(User, { name: 'Ada' }), await shop.save(Order, { total: 0 })]
    const lock = { lock: 'update' } as const
    const body = (): Promise<unknown> => manager(app).query('SELECT pg_sleep(0.005)')
    const tasks = [
      app.task('shop.first', [model(User, lock), model(Order, lock)], body),
      app.task('shop.second', { lock: 'update' }, (_order: Order, _user: User) => body()),
    ] as const
    const results = [
      ...(await tasks[0].delayMany(Array.from({ length: 20 }, () => [ada, order] as [User, Order]))),
      ...(await tasks[1].delayMany(Array.from({ length: 20 }, () => [order, ada] as [Order, User]))),
    ]
    await shop.startWorker({ concurrency: 8 })
    for (const result of results) await result.get(soon)
  })

  test('cost no attempt when the connections ended while they were idle', async (shop) => {
    const { app } = shop
    const order = await shop.save(Order, { total: 0 })
    const attempts: number[] = []
    const pay = app.task('shop.pay', { lock: 'update', maxRetries: 0 }, (locked: Order) => {
      attempts.push(currentTask().request.retries)
      return locked.id
    })
    await shop.startWorker({ concurrency: 4 })
    for (let round = 0; round < 3; round++) {
      const results = await pay.delayMany(Array.from({ length: 4 }, () => [order] as [Order]))
      for (const result of results) assert.equal(await result.get(soon), order.id)
      await shop.database.killConnections()
    }
    assert.deepEqual(new Set(attempts), new Set([0]))
  })

  test('cost no attempt when the transaction cannot begin, or its first read fails with the connection', async (shop) => {
    const { app } = shop
    const order = await shop.save(Order, { total: 0 })
    const { transactions } = shop.adapter
    assert.ok(transactions)
    const run = transactions.run.bind(transactions)
    let begun = 0
    const failing = async <R>(body: (tx: object) => Promise<R>): Promise<R> => {
      begun++
      if (begun === 1) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
      if (begun > 2) return run(body)
      return run(async (tx) => {
        await shop.database.killConnections()
        return body(tx)
      })
    }
    Object.assign(transactions, { run: failing })
    const pay = app.task(
      'shop.pay',
      { lock: 'update', maxRetries: 0 },
      (_locked: Order) => currentTask().request.retries,
    )
    const result = await pay.delay(order)
    await shop.startWorker()
    assert.equal(await result.get(soon), 0)
    assert.ok(begun >= 3)
  })
})
