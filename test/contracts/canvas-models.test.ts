import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chain, InvalidArguments, model, NotRegistered, TaskError, value } from '../../src/index.ts'
import { memoryStore, sqliteStore } from '../support/worker-harness.ts'
import { openShop, Order, User, type Shop } from './shop-lab.ts'

const soon = { timeout: '10s' } as const

for (const store of [memoryStore, sqliteStore]) {
  function test(name: string, body: (shop: Shop) => Promise<void>): void {
    it(name, async () => {
      await using shop = await openShop('sqlite', {}, store)
      await body(shop)
    })
  }

  describe(`chains with models on ${store.name}`, () => {
    test('give a chained method its own fresh instance and the result of the task before', async (shop) => {
      const { app } = shop
      const [ada, eve] = [await shop.save(User, { name: 'Ada' }), await shop.save(User, { name: 'Eve' })]
      app.methods(User, ['welcome', 'introduce', 'shaky'])
      const greeting = app.task('shop.greeting', (lang: string) => `${lang}!`)
      const last = await chain(
        greeting.s('en'),
        app.s(ada).welcome(3),
        app.s(app.models.ref(User, eve.id)).shaky('by'),
        app.s(ada).shaky('and'),
      ).delay()
      const [message] = (await (await app.openBroker()).peek?.('celery', { limit: 1, offset: 0 })) ?? []
      const [, , embed] = JSON.parse(String(message?.body)) as [
        unknown,
        unknown,
        { chain: { kwargs: object; args: unknown[] }[] },
      ]
      const self = { __type__: 'model', __value__: ['shop.User', ada.id, { v: 1 }] }
      assert.deepEqual([embed.chain[2]?.kwargs, embed.chain[2]?.args], [{ self }, [3]])
      await shop.database.execute(`UPDATE shop_users SET name = 'Ada Lovelace' WHERE id = ${ada.id}`)
      await shop.startWorker()
      assert.equal(await last.get(soon), 'en! Ada Lovelace 3, by Eve, and Ada Lovelace')
    })

    test('read the instance anew for each attempt', async (shop) => {
      const { app } = shop
      const ada = await shop.save(User, { name: 'Ada' })
      app.methods(User, ['shaky'])
      const one = app.task('shop.one', () => 1)
      app.on('taskRetry', async () => {
        await shop.database.execute(`UPDATE shop_users SET name = 'Eve' WHERE id = ${ada.id}`)
      })
      const last = await chain(one.s(), app.s(ada).shaky('is')).delay()
      await shop.startWorker()
      assert.equal(await last.get(soon), '1, is Eve')
    })

    test('pass rows that a task returns as references, also as the instance of a method', async (shop) => {
      const { app } = shop
      const ada = await shop.save(User, { name: 'Ada' })
      const { welcome } = app.methods(User, ['welcome', 'introduce'])
      const find = app.task('shop.find', async (id: number) => {
        const user = await shop.dataSource.manager.findOneByOrFail(User, { id })
        await shop.database.execute(`UPDATE shop_users SET name = 'Ada Lovelace', version = 2 WHERE id = ${id}`)
        return user
      })
      const all = app.task('shop.all', (users: { readonly found: User[]; readonly first: User }) => ({
        same: users.first === users.found[0],
        names: users.found.map(({ name, version }) => `${name} ${version}`),
      }))
      const wrap = app.task('shop.wrap', (user: User) => ({ found: [user, user], first: user }))
      await shop.startWorker()
      assert.equal(await (await chain(find.s(ada.id), welcome.s('en')).delay()).get(soon), 'en Ada Lovelace 1')
      const wrapped = await chain(find.s(ada.id), wrap.s(), all.s()).delay()
      assert.deepEqual(await wrapped.get(soon), { same: true, names: ['Ada Lovelace 2', 'Ada Lovelace 2'] })
      const introduced = await chain(find.s(ada.id), app.s(ada).introduce()).delay()
      assert.equal(await introduced.get(soon), 'Ada Lovelace, this is Ada Lovelace')
    })

    test('ignore the result where the method is complete', async (shop) => {
      const { app } = shop
      const ada = await shop.save(User, { name: 'Ada' })
      app.methods(User, ['welcome'])
      const one = app.task('shop.one', () => 1)
      await shop.startWorker()
      const last = await chain(one.s(), app.si(ada).welcome('en', 2)).delay()
      assert.equal(await last.get(soon), 'en Ada 2')
      assert.equal(await (await app.s(ada).welcome(4).delay('fr')).get(soon), 'fr Ada 4')
    })

    test('check declared parameters where the chain is made, in their places behind the result', async (shop) => {
      const { app } = shop
      const [ada, order] = [await shop.save(User, { name: 'Ada' }), await shop.save(Order, { total: 5 })]
      const pay = app.task('shop.pay', [value<number>(), model(Order), model(User)], (cents, paid, payer) => [
        cents,
        paid.total,
        payer.name,
      ])
      const one = app.task('shop.one', () => 1)
      await assert.rejects(chain(one.s(), pay.s(order, order as unknown as User)).delay(), {
        code: 'INVALID_ARGUMENTS',
        message: /\$\.args\[1\]: shop\.pay takes a shop\.User/,
      })
      await assert.rejects(chain(one.s(), pay.s(5 as unknown as Order, ada)).delay(), InvalidArguments)
      await shop.startWorker()
      assert.deepEqual(await (await chain(one.s(), pay.s(order, ada)).delay()).get(soon), [1, 5, 'Ada'])
    })

    test('leave after the commit of the transaction that they are made in, and not at all after a rollback', async (shop) => {
      const { app, dataSource } = shop
      app.methods(User, ['welcome'])
      const lang = app.task('shop.lang', (text: string) => text)
      await shop.startWorker()
      const waiting = (): Promise<number> => app.openBroker().then((broker) => broker.count('celery'))
      const result = await dataSource.transaction(async (manager) => {
        const ada = await manager.save(Object.assign(new User(), { name: 'Ada' }))
        const made = await chain(lang.s('en'), app.s(ada).welcome(1)).delay()
        assert.equal(await waiting(), 0)
        return made
      })
      assert.equal(await result.get(soon), 'en Ada 1')
      const failing = dataSource.transaction(async () => {
        await chain(lang.s('en'), lang.s()).delay()
        throw new Error('rolled back')
      })
      await assert.rejects(failing, /rolled back/)
      assert.equal(await waiting(), 0)
    })

    test('fail where the row is gone, and so do the steps behind it', async (shop) => {
      const { app } = shop
      const ada = await shop.save(User, { name: 'Ada' })
      app.methods(User, ['welcome'], { grace: 0 })
      const one = app.task('shop.one', (text: string) => text)
      const last = await chain(one.s('en'), app.s(ada).welcome(1), one.s()).delay()
      await shop.database.execute(`DELETE FROM shop_users WHERE id = ${ada.id}`)
      await shop.startWorker()
      await assert.rejects(last.get(soon), (error) => error instanceof TaskError && error.type === 'RowMissing')
    })

    test('take only methods that are tasks, of instances of models in use', async (shop) => {
      const { app } = shop
      const ada = await shop.save(User, { name: 'Ada' })
      app.methods(User, ['welcome'])
      assert.throws(() => app.s(ada).secret(), NotRegistered)
      assert.throws(
        () => app.si(new URL('http://localhost')),
        /si\(\) takes an instance or a reference of a model in use/,
      )
      const signed: unknown = app.s(ada)
      assert.equal(await signed, signed)
    })
  })
}
