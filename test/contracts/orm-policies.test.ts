import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  chain,
  currentTask,
  ImproperlyConfigured,
  InvalidArguments,
  lazy,
  model,
  models,
  UnidentifiableInstance,
  value,
  type AsyncResult,
  type Celeriac,
  type Ref,
} from '../../src/index.ts'
import { listDeadLetters } from '../../src/app/dead-letters.ts'
import { gate, until } from '../support/worker-harness.ts'
import { Animal, Cat, Dog, openShop, Order, Seat, User, type Shop } from './shop-lab.ts'

const soon = { timeout: 10 }

function test(name: string, body: (shop: Shop) => Promise<void>): void {
  it(name, async () => {
    await using shop = await openShop()
    await body(shop)
  })
}

/** Sends past the checks of the sender's task, as anybody who can write to the queue. */
function forged(app: Celeriac, task: string, ...args: readonly unknown[]): Promise<AsyncResult<unknown>> {
  return app.send(task, args)
}

describe('a call of a task with declared parameters', () => {
  test('takes instances and references of its models, and refuses anything else with its path', async (shop) => {
    const { app } = shop
    const [ada, order] = [await shop.save(User, { name: 'Ada' }), await shop.save(Order, { total: 5 })]
    const charge = app.task('shop.charge', [model(Order), models(User), value<unknown>()], () => 1)
    const call = (...args: unknown[]) => charge.applyAsync(args as never)
    await call(order, [ada, app.models.ref(User, 7)], { cents: 5 })
    class Stranger {
      readonly id = 1
    }
    const wrong: [unknown[], RegExp][] = [
      [[ada, [], 1], /\$\.args\[0\]: shop\.charge takes a shop\.Order, got a shop\.User/],
      [[app.models.ref('shop.User', 1), [], 1], /\$\.args\[0\].*shop\.User/],
      [[order, ada, 1], /\$\.args\[1\].*a list of shop\.User/],
      [[order, [ada, order], 1], /\$\.args\[1\]\[1\].*shop\.User, got a shop\.Order/],
      [[order, [], { deep: [ada] }], /\$\.args\[2\]\.deep\[0\].*takes no row/],
      [[null, [], 1], /\$\.args\[0\].*got null/],
      [[5, [], 1], /\$\.args\[0\].*got 5/],
      [[{ id: 1 }, [], 1], /\$\.args\[0\].*got an object that no ORM in use knows/],
      [[new Stranger(), [], 1], /\$\.args\[0\].*Stranger/],
      [[order], /argument 1 is missing, a User/],
      [[order, [], 1, 2], /takes 3 arguments, got 4/],
    ]
    for (const [args, message] of wrong) {
      await assert.rejects(call(...args), (error) => error instanceof InvalidArguments && message.test(error.message))
    }
    await assert.rejects(call(Object.assign(new Order(), { total: 1 }), [], 1), UnidentifiableInstance)
    assert.equal(await (await app.openBroker()).count('celery'), 1)
  })

  test('takes a plain row by its key alone, where the ORM has plain rows', async ({ app }) => {
    const info = { label: 'blog.Membership', key: ['orgId', 'userId'], handle: { table: 'memberships' } }
    const tagged = { orgId: 1, userId: 2, role: 'admin' }
    app.models.use({
      name: 'plain',
      models: () => [info],
      identify: (row) => (row === tagged ? { model: info, key: [1, 2] } : undefined),
      fetch: () => Promise.resolve([]),
    })
    const join = app.task('blog.join', [model<typeof tagged, 'orgId' | 'userId'>('blog.Membership')], () => 1)
    await join.delay({ userId: 2, orgId: 1 })
    await join.delay(tagged)
    // Whatever else it holds may be stale, or of another table.
    const copy = { ...tagged }
    await assert.rejects(join.delay(copy), /\$\.args\[0\].*its key alone \(\{ orgId, userId \}\)/)
    await assert.rejects(join.delay({ orgId: 1 } as typeof copy), InvalidArguments)
    await assert.rejects(join.delay({ orgId: 1, userId: null } as unknown as typeof copy), InvalidArguments)
  })

  test('is refused for a model that no ORM in use has', async ({ app }) => {
    class Nowhere {
      readonly id = 1
    }
    const lost = app.task('shop.lost', [model(Nowhere)], () => 1)
    await assert.rejects(lost.delay(new Nowhere()), /Nowhere, which no ORM in use has/)
  })

  test('restricts undeclared arguments to the models of the task', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    const only = app.task('shop.only', { models: [Order] }, (_given: unknown) => 1)
    await only.delay({ order: await shop.save(Order, { total: 1 }) })
    await assert.rejects(only.delay({ user: ada }), /\$\.args\[0\]\.user: shop\.only takes only shop\.Order/)
  })

  test('names what is wrong with a definition', ({ app }) => {
    const define = app.task as (name: string, first: unknown, body: unknown) => unknown
    const wrong: [unknown, RegExp][] = [
      [{ missing: 'ignore' }, /missing must be 'error' or 'discard' or 'null' or 'retry', got "ignore"/],
      [{ lock: true, read: 'replica', with: 'orders' }, /read must be[\s\S]*lock must be[\s\S]*with must be/],
      [{ takes: [User] }, /takes must be a list of model\(\)/],
      [{ takes: [model(User)], models: [User] }, /models has no meaning/],
      [{ takes: [model(User)], parameters: ['a', 'b'] }, /names 2 arguments, takes declares 1/],
      [{ withDelete: true }, /did you mean withDeleted/],
    ]
    for (const [options, message] of wrong) {
      assert.throws(() => define('shop.wrong', options, () => 1), message)
    }
    assert.throws(() => model('noDot'), ImproperlyConfigured)
    assert.throws(() => lazy(User, { lock: 'update' } as object), /lock is no option here/)
    return Promise.resolve()
  })
})

describe('a message for a task with declared parameters', () => {
  test('never makes the worker load what the task does not take', async (shop) => {
    const { app } = shop
    const [ada, order] = [await shop.save(User, { name: 'Ada' }), await shop.save(Order, { total: 5 })]
    let ran = 0
    const body = (): number => ran++
    app.task('shop.charge', { autoretryFor: [Error], takes: [model(Order), value<unknown>()] }, body)
    app.task('shop.all', [models(Order)], body)
    app.task('shop.later', [lazy(Order)], body)
    app.task('shop.only', { models: [Order] }, body)
    app.task('shop.none', { models: [] }, body)
    const refused = [
      await forged(app, 'shop.charge', ada, 1),
      await forged(app, 'shop.charge', order, { deep: [ada] }),
      await forged(app, 'shop.charge', order, order),
      await forged(app, 'shop.charge', order, 1, ada),
      await forged(app, 'shop.charge', 5, 1),
      await forged(app, 'shop.charge'),
      await forged(app, 'shop.all', ada),
      await forged(app, 'shop.all', [order, ada]),
      await forged(app, 'shop.all', [order, 7]),
      await forged(app, 'shop.later', ada),
      await forged(app, 'shop.only', { deep: [ada] }),
      await forged(app, 'shop.none', ada),
      await app.send('shop.charge', [order], { kwargs: { cents: ada } }),
    ]
    shop.takeReads()
    await shop.startWorker()
    for (const result of refused) await assert.rejects(result.get(soon), /UnknownModel|InvalidArguments/)
    assert.equal(ran, 0)
    assert.deepEqual(shop.takeReads(), [])
    const reasons: unknown[] = []
    for await (const { death } of listDeadLetters(await app.openBroker(), 'celery')) reasons.push(death)
    assert.match(JSON.stringify(reasons), /shop\.charge takes a shop\.Order, got a shop\.User/)
  })

  test('may name a subclass, and a model of a parameter by keyword', async (shop) => {
    const { app } = shop
    const rex = await shop.save(Dog, { name: 'Rex' })
    const feed = app.task(
      'shop.feed',
      { takes: [value<string>(), model(Animal)], parameters: ['food', 'animal'] },
      (food, animal) => animal.eat(food),
    )
    const results = [await feed.delay('meat', rex), await app.send('shop.feed', ['hay'], { kwargs: { animal: rex } })]
    await shop.startWorker()
    assert.deepEqual(await Promise.all(results.map((result) => result.get(soon))), ['Rex eats meat', 'Rex eats hay'])
  })

  test('gives the body a reference for a lazy parameter, each load a fresh row', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    const slow = app.task('shop.slow', [lazy(User), model(User)], async (ref: Ref<User>, user) => {
      const first = await ref.load()
      await shop.database.execute(`UPDATE shop_users SET name = 'Eve' WHERE id = ${ada.id}`)
      return [ref.label, first instanceof User, first === user, first.name, (await ref.load()).name]
    })
    const result = await slow.delay(ada, ada)
    await shop.startWorker()
    assert.deepEqual(await result.get(soon), ['shop.User', true, false, 'Ada', 'Eve'])
  })
})

describe('policies', () => {
  test('hold for each parameter, over those of the task', async (shop) => {
    const { app } = shop
    const [ada, order] = [await shop.save(User, { name: 'Ada' }), await shop.save(Order, { total: 5 })]
    const some = app.task(
      'shop.some',
      { missing: 'discard', grace: 0, takes: [model(User, { missing: 'null' }), models(Order, { missing: 'null' })] },
      (user, orders) => [user, orders.map((each) => each && each.total)],
    )
    const both = app.task(
      'shop.both',
      { missing: 'null', grace: 0, takes: [model(User), model(Order)] },
      (user, two) => [user, two?.total ?? null],
    )
    const strict = app.task(
      'shop.strict',
      { missing: 'null', grace: 0, takes: [model(User, { missing: 'error' })] },
      (user) => user.name,
    )
    const gone = app.models.ref(Order, 999)
    const results = [await some.delay(ada, [gone, order, gone]), await both.delay(ada, gone), await strict.delay(ada)]
    await shop.database.execute(`DELETE FROM shop_users WHERE id = ${ada.id}`)
    await shop.startWorker()
    assert.deepEqual(await results[0]?.get(soon), [null, [null, 5, null]])
    assert.deepEqual(await results[1]?.get(soon), [null, null])
    await assert.rejects(results[2]?.get(soon) ?? Promise.resolve(), /RowMissing.*shop\.User/)
  })

  test('retry a row that is not there yet, within the retries of the task', async (shop) => {
    const { app } = shop
    const retries: number[] = []
    const patient = app.task(
      'shop.patient',
      { missing: 'retry', grace: 0, retryDelay: '10ms', maxRetries: 50 },
      async (user: User) => {
        retries.push(currentTask().request.retries)
        return user.name
      },
    )
    const hasty = app.task(
      'shop.hasty',
      { missing: 'retry', grace: 0, retryDelay: 0, maxRetries: 2 },
      (_user: User) => 1,
    )
    const [result, failed] = [
      await patient.delay(app.models.ref(User, 77)),
      await hasty.delay(app.models.ref(User, 78)),
    ]
    await shop.startWorker()
    await assert.rejects(failed.get(soon), /RowNotYetVisible/)
    await until('it was retried', async () => (await result.state()) === 'RETRY')
    await shop.database.execute("INSERT INTO shop_users (id, name, version) VALUES (77, 'late', 1)")
    assert.equal(await result.get(soon), 'late')
    assert.ok((retries[0] ?? 0) > 0)
  })

  test('run, discard or fail a task whose row changed since the call', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    const ran: string[] = []
    const body = (user: User): number => ran.push(user.name)
    const [runs, fails, discards] = [
      app.task('shop.runs', body),
      app.task('shop.fails', { autoretryFor: [Error], takes: [model(User, { changed: 'error' })] }, body),
      app.task('shop.discards', { changed: 'discard' }, body),
    ]
    const unchanged = await fails.delay(ada)
    const { worker, stopped } = await shop.startWorker()
    await unchanged.get(soon)
    worker.stop('warm')
    await stopped
    const later = [await runs.delay(ada), await fails.delay(ada), await discards.delay(ada)]
    const unseen = await fails.delay(app.models.ref(User, ada.id))
    await shop.database.execute(`UPDATE shop_users SET name = 'Eve', version = version + 1 WHERE id = ${ada.id}`)
    await shop.startWorker()
    await later[0]?.get(soon)
    await assert.rejects(
      later[1]?.get(soon) ?? Promise.resolve(),
      /RowChanged.*shop\.User\(1\): changed since the call/,
    )
    await unseen.get(soon)
    const discarded = await until(
      'it was discarded',
      () => shop.lines.find(({ fields }) => /changed: 'discard'/.test(JSON.stringify(fields)))?.level,
    )
    assert.equal(discarded, 'info')
    assert.deepEqual(ran, ['Ada', 'Eve', 'Eve'])
  })

  test('refuse a call whose versions nobody could compare', async (shop) => {
    const fails = shop.app.task('shop.fails', [model(Seat, { changed: 'error' })], () => 1)
    const seat = await shop.save(Seat, { holder: 'Ada' })
    await assert.rejects(fails.delay(seat), /\$\.args\[0\].*shop\.Seat has no version/)
  })

  test('load relations, and hide what is soft-deleted', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    await shop.save(Order, { total: 5, user: ada })
    const totals = app.task('shop.totals', { with: ['orders'] }, (user: User) => user.orders?.map(({ total }) => total))
    const bare = app.task('shop.bare', [model(User, { with: ['orders'] }), model(User)], (full, plain) => [
      full.orders?.length,
      plain.orders === undefined,
      full === plain,
    ])
    const many = await totals.delayMany(Array.from({ length: 20 }, () => [ada] as [User]))
    const apart = await bare.delay(ada, ada)
    await shop.startWorker({ concurrency: 20 })
    for (const result of many) assert.deepEqual(await result.get(soon), [5])
    assert.deepEqual(await apart.get(soon), [1, true, false])
    await shop.dataSource.manager.softDelete(User, ada.id)
    const living = app.task(
      'shop.living',
      [model(User, { withDeleted: false, missing: 'null', grace: 0 })],
      (user) => user === null,
    )
    const [found, hidden] = [await totals.delay(ada), await living.delay(ada)]
    assert.deepEqual(await found.get(soon), [5])
    assert.equal(await hidden.get(soon), true)
  })

  test('treat a row that became one of another class as gone', async (shop) => {
    const { app } = shop
    const rex = await shop.save(Dog, { name: 'Rex' })
    const bark = app.task('shop.bark', [model(Dog)], (dog) => dog.speak())
    const any = app.task('shop.any', [model(Animal)], (animal) => animal.speak())
    const maybe = app.task('shop.maybe', [model(Dog, { missing: 'null' })], (dog) => dog)
    await shop.database.execute(`UPDATE shop_animals SET kind = 'Cat' WHERE id = ${rex.id}`)
    const results = [await bark.delay(rex), await any.delay(rex), await maybe.delay(rex)]
    await shop.startWorker()
    await assert.rejects(
      results[0]?.get(soon) ?? Promise.resolve(),
      /ModelTypeChanged.*shop\.Dog\(1\) is a shop\.Cat now/,
    )
    assert.equal(await results[1]?.get(soon), 'Rex meows')
    assert.equal(await results[2]?.get(soon), null)
    await assert.rejects(bark.delay((await shop.save(Cat, { name: 'Tom' })) as Dog), InvalidArguments)
  })

  test('make one object of one row under one policy, in all parameters', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    const same = app.task(
      'shop.same',
      [model(User), models(User), model(User, { missing: 'discard' })],
      (one, list, other) => [one === list[0], list[0] === list[1], one === other],
    )
    const result = await same.delay(ada, [ada, app.models.ref(User, ada.id)], ada)
    await shop.startWorker()
    assert.deepEqual(await result.get(soon), [true, true, false])
  })
})

describe('a task that locks rows', () => {
  test('runs its attempt in one transaction, which the body has, and which its error rolls back', async (shop) => {
    const { app, dataSource } = shop
    const order = await shop.save(Order, { total: 1 })
    const told = app.task('shop.told', (text: string) => text)
    const pay = app.task('shop.pay', [model(Order, { lock: 'update' }), value<boolean>()], async (paid, fails) => {
      const scope = app.transactions.current()
      assert.ok(scope)
      paid.total += 1
      await dataSource.manager.save(paid)
      const sent = await told.delay('paid')
      if (fails) throw new Error('after all not')
      return [scope.state, await sent.state()]
    })
    const { worker, stopped } = await shop.startWorker({ concurrency: 1 })
    shop.takeReads()
    assert.deepEqual(await (await pay.delay(order, false)).get(soon), ['open', 'PENDING'])
    assert.deepEqual(
      shop.takeReads().map(({ lock, tx }) => [lock, tx !== undefined]),
      [['update', true]],
    )
    await assert.rejects((await pay.delay(order, true)).get(soon), /after all not/)
    worker.stop('warm')
    await stopped
    assert.equal((await dataSource.manager.findOneByOrFail(Order, { id: order.id })).total, 2)
  })

  test('rolls back what an attempt did that is not accepted any more', async (shop) => {
    const { app, dataSource } = shop
    const order = await shop.save(Order, { total: 1 })
    let started = false
    const pay = app.task('shop.pay', { lock: 'update' }, async (paid: Order) => {
      await dataSource.manager.update(Order, paid.id, { total: 99 })
      started = true
      await new Promise((resolve) => currentTask().signal.addEventListener('abort', resolve, { once: true }))
    })
    await shop.startWorker()
    const result = await pay.delay(order)
    await until('it runs', () => started)
    await result.revoke({ terminate: true })
    await until('it was rolled back', () => shop.takeQueries().includes('ROLLBACK'))
    assert.equal((await dataSource.manager.findOneByOrFail(Order, { id: order.id })).total, 1)
  })

  test('rolls back what an attempt did beyond its time limit', async (shop) => {
    const { app, dataSource } = shop
    const order = await shop.save(Order, { total: 1 })
    const end = gate()
    const slow = app.task('shop.slow', { lock: 'update', timeLimit: '50ms' }, async (paid: Order) => {
      await dataSource.manager.update(Order, paid.id, { total: 99 })
      await end.opened
    })
    await shop.startWorker()
    const result = await slow.delay(order)
    await assert.rejects(result.get(soon), /TimeLimitExceeded/)
    end.open()
    await until('it was rolled back', () => shop.takeQueries().includes('ROLLBACK'))
    assert.equal((await dataSource.manager.findOneByOrFail(Order, { id: order.id })).total, 1)
  })

  test('may not lock rows of two databases', async (shop) => {
    const { app } = shop
    const { transactions } = shop.adapter
    const info = { label: 'other.Row', key: ['id'], handle: class Row {} }
    assert.ok(transactions)
    app.models.use({
      name: 'other',
      transactions: { ...transactions, install: () => ({ find: () => undefined, uninstall: () => undefined }) },
      models: () => [info],
      identify: () => undefined,
      fetch: () => Promise.resolve([]),
    })
    assert.throws(
      () => app.task('shop.two', { lock: 'share', takes: [model(User), model('other.Row')] }, () => 1),
      (error) => error instanceof ImproperlyConfigured && /two databases \(typeorm and other\)/.test(error.message),
    )
    const ada = await shop.save(User, { name: 'Ada' })
    const both = app.task('shop.both', { lock: 'share' }, (_list: unknown[]) => 1)
    const result = await both.delay([ada, app.models.ref('other.Row', 1)])
    await shop.startWorker()
    await assert.rejects(result.get(soon), /ImproperlyConfigured/)
  })
})

describe('results', () => {
  test('hold rows as references, loaded when they are asked for', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    const find = app.task('shop.find', [lazy(User)], async (ref) => ({ user: await ref.load(), again: [ref] }))
    const result = await find.delay(ada)
    await shop.startWorker()
    await until('it is done', async () => (await result.state()) === 'SUCCESS')
    const stored = JSON.stringify(await (await app.openBackend()).fetch([result.id]))
    assert.match(stored, /shop\.User/)
    assert.doesNotMatch(stored, /Ada/)
    await shop.database.execute(`UPDATE shop_users SET name = 'Eve' WHERE id = ${ada.id}`)
    const { user, again } = await result.get(soon)
    assert.ok(user instanceof User)
    assert.deepEqual([user.name, again[0] as unknown], ['Eve', user])
  })
})

describe('a chain', () => {
  test('loads the rows of a task only when it runs', async (shop) => {
    const { app } = shop
    const make = app.task('shop.make', async () => (await shop.save(User, { id: 7, name: 'Ada' })).name)
    const nameOf = app.task('shop.nameOf', (user: User) => user.name)
    await shop.startWorker()
    const last = await chain(make.s(), nameOf.si(app.models.ref(User, 7))).delay()
    assert.equal(await last.get(soon), 'Ada')
  })
})

describe('batching', () => {
  test('reads what 1,000 tasks with a model of two kinds need in fewer than 300 queries', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    const orders = await shop.dataSource.manager.save(
      Array.from({ length: 100 }, (_, total) => Object.assign(new Order(), { total })),
    )
    const ofUser = app.task('shop.ofUser', [model(User, { grace: '5s' })], (user) => user.id)
    const ofOrder = app.task('shop.ofOrder', (order: Order) => order.total)
    const results = [
      ...(await ofUser.delayMany(Array.from({ length: 500 }, () => [ada] as [User]))),
      ...(await ofOrder.delayMany(Array.from({ length: 500 }, (_, i) => [orders[i % 100]] as [Order]))),
    ]
    shop.takeReads()
    shop.takeQueries()
    await shop.startWorker({ concurrency: 100 })
    const values = await Promise.all(results.map((result) => result.get({ timeout: 30 })))
    assert.deepEqual(
      values.slice(500),
      Array.from({ length: 500 }, (_, i) => i % 100),
    )
    const selects = shop.takeQueries().filter((query) => query.startsWith('SELECT')).length
    assert.ok(selects < 300, `${selects} queries for 1,000 tasks`)
  })

  test('keeps tasks apart whose policies read otherwise', async (shop) => {
    const { app } = shop
    const ada = await shop.save(User, { name: 'Ada' })
    const [plain, living] = [
      app.task('shop.plain', (user: User) => user.name),
      app.task(
        'shop.living',
        { withDeleted: false, missing: 'null', grace: 0 },
        (user: User | null) => user && user.name,
      ),
    ]
    await shop.dataSource.manager.softDelete(User, ada.id)
    const results = [...(await plain.delayMany([[ada], [ada]])), ...(await living.delayMany([[ada], [ada]]))]
    await shop.startWorker()
    const names = await Promise.all(results.map((result) => result.get(soon)))
    assert.deepEqual(names, ['Ada', 'Ada', null, null])
  })
})
