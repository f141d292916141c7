import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { chain, type AsyncResult, type Celeriac, type Task } from '../../src/index.ts'
import { memoryStore, openHarness, sqliteStore, type Harness, type Store } from '../support/worker-harness.ts'
import { openTypeOrmLab, type Seat, User, type TypeOrmLab } from './typeorm-lab.ts'

const stop = new Error('stop here')

interface Path extends Harness {
  readonly lab: TypeOrmLab
  readonly ada: User
  readonly nameOf: Task<[user: User], string>
}

async function open(store: Store): Promise<Path & AsyncDisposable> {
  const lab = await openTypeOrmLab()
  const harness = await openHarness(store)
  harness.app.models.use(lab.adapter)
  const ada = (await lab.create('User', { name: 'Ada' })) as User
  const nameOf = harness.app.task('shop.nameOf', (user: User) => user.name)
  const dispose = async (): Promise<void> => {
    await harness[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  }
  return Object.assign({ ...harness }, { lab, ada, nameOf, [Symbol.asyncDispose]: dispose })
}

async function waiting(app: Celeriac): Promise<number> {
  return (await app.openBroker()).count('celery')
}

function slowValidator(ms: number): StandardSchemaV1 {
  const validate = async (value: unknown): Promise<{ value: unknown }> => {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return { value }
  }
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

for (const store of [memoryStore, sqliteStore]) {
  describe(`models through the whole path, ${store.name}`, () => {
    const test = (name: string, body: (path: Path) => Promise<void>): unknown =>
      it(name, async () => {
        await using path = await open(store)
        await body(path)
      })

    test('gives the task a fresh instance, and the caller the one that it returned', async ({
      app,
      lab,
      ada,
      ...path
    }) => {
      const same = app.task('shop.same', (user: User, { users }: { users: User[] }) => {
        assert.ok(user instanceof User)
        assert.equal(user, users[0])
        return user
      })
      const [name, returned] = [await path.nameOf.delay(ada), await same.delay(ada, { users: [ada] })]
      await lab.database.execute(`UPDATE users SET name = 'renamed after the call' WHERE id = ${ada.id}`)
      await path.startWorker()
      assert.equal(await name.get({ timeout: 10 }), 'renamed after the call')
      const user = await returned.get({ timeout: 10 })
      assert.ok(user instanceof User)
      assert.notEqual(user, ada)
    })

    test('stores label and key, never a column', async ({ app, ada, nameOf }) => {
      await nameOf.delay(ada)
      const broker = await app.openBroker()
      const [message] = (await broker.peek?.('celery', { limit: 1, offset: 0 })) ?? []
      const text = JSON.stringify({ ...message, body: Buffer.from(message?.body ?? '').toString() })
      assert.match(text, /shop\.User/)
      assert.doesNotMatch(text, /Ada/)
    })

    test('publishes after the commit, and nothing after a rollback', async ({ app, lab, ada, nameOf }) => {
      await lab.transaction(async () => {
        await nameOf.delay(ada)
        await nameOf.delayMany([[ada], [ada]])
        assert.equal(await waiting(app), 0)
      })
      assert.equal(await waiting(app), 3)
      await assert.rejects(
        lab.transaction(async () => {
          await nameOf.delay(ada)
          throw stop
        }),
      )
      assert.equal(await waiting(app), 3)
      await lab.transaction(() => nameOf.applyAsync([ada], { dispatch: 'now' }).then(() => waiting(app)))
      assert.equal(await waiting(app), 4)
    })

    test('drops a call that nobody awaited when the transaction rolls back', async ({ app, lab, ada, nameOf }) => {
      let call: Promise<unknown> | undefined
      await assert.rejects(
        lab.transaction(async () => {
          call = nameOf.delay(ada)
          throw stop
        }),
      )
      await call
      assert.equal(await waiting(app), 0)
    })

    test('refuses to wait in a transaction for what leaves after it, and for what its rollback dropped', async ({
      app,
      lab,
      ...path
    }) => {
      const double = app.task('shop.double', (n: number) => 2 * n)
      await path.startWorker()
      const kept = await lab.transaction(async () => {
        const result = await double.delay(1)
        const chained = await chain(double.s(1), double.s()).delay()
        for (const held of [result, chained]) {
          await assert.rejects(held.get(), /is sent after the commit of the transaction that waits for it here/)
        }
        const sent = await double.applyAsync([4], { dispatch: 'now' })
        assert.equal(await sent.get({ timeout: 10 }), 8)
        return result
      })
      assert.equal(await kept.get({ timeout: 10 }), 2)
      let dropped: AsyncResult<number> | undefined
      await assert.rejects(
        lab.transaction(async () => {
          dropped = await double.delay(3)
          throw stop
        }),
      )
      await assert.rejects(async () => dropped?.get(), { name: 'TaskRevoked', message: /was never sent/ })
    })

    test('rejects a call for what is no open transaction', async ({ ada, nameOf, lab }) => {
      let over: object = {}
      await lab.transaction(async (tx) => void (over = tx))
      await assert.rejects(nameOf.in(over).delay(ada), /the given transaction is not open/)
      await assert.rejects(nameOf.in(undefined as unknown as object).delay(ada), /must be the handle.*got nothing/)
    })

    test('drops a call that was still being validated when the transaction rolled back', async ({ app, lab, ada }) => {
      const input = slowValidator(20)
      const checked = app.task('shop.checked', { input }, (user: User) => user.name)
      let call: Promise<unknown> | undefined
      await assert.rejects(
        lab.transaction(async () => {
          call = checked.delay(ada)
          throw stop
        }),
      )
      await call
      assert.equal(await waiting(app), 0)
    })

    test('fails a task whose row is gone, without retries', async ({ app, lab, ada, ...path }) => {
      let attempts = 0
      const fussy = app.task('shop.fussy', { autoretryFor: [Error], grace: 0 }, (_user: User) => attempts++)
      const result = await fussy.delay(ada)
      await lab.database.execute(`DELETE FROM users WHERE id = ${ada.id}`)
      await path.startWorker()
      await assert.rejects(result.get({ timeout: 10 }), /RowMissing.*shop\.User\(1\)/)
      assert.equal(attempts, 0)
    })

    test('follows the policy of the task for rows that are gone', async ({ app, lab, ada, ...path }) => {
      const nulls = app.task('shop.nulls', { missing: 'null', grace: 0 }, (users: (User | null)[]) => users.length)
      const discards = app.task('shop.discards', { missing: 'discard', grace: 0 }, (_user: User) => 'ran')
      const [kept, discarded] = [await nulls.delay([ada, ada]), await discards.delay(ada)]
      await lab.database.execute(`DELETE FROM users WHERE id = ${ada.id}`)
      await path.startWorker()
      assert.equal(await kept.get({ timeout: 10 }), 2)
      assert.notEqual(await discarded.state(), 'SUCCESS')
    })

    test('reads with few queries what many tasks need', async ({ app, lab, ada, ...path }) => {
      const seat = (await lab.create('Seat', { row: 1, seat: 'A', holder: 'Ada' })) as Seat
      const both = app.task('shop.both', (user: User, { holder }: Seat) => user.name === holder)
      const results = await both.delayMany(Array.from({ length: 400 }, () => [ada, seat] as [User, Seat]))
      lab.takeSelects()
      await path.startWorker({ concurrency: 100 })
      const values = await Promise.all(results.map((result) => result.get({ timeout: 20 })))
      assert.ok(values.every(Boolean))
      const selects = lab.takeSelects()
      assert.ok(selects < 400, `${selects} queries for 800 rows`)
    })
  })
}
