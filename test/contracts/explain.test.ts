import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Explanation, Reason } from '../../src/app/explanation.ts'
import { currentTask, type Celeriac, type Task } from '../../src/index.ts'
import {
  gate,
  memoryStore,
  openHarness,
  redisStore,
  sqliteStore,
  until,
  type Harness,
  type Store,
} from '../support/worker-harness.ts'

const soon = { timeout: '80ms' } as const

type Of<K extends Reason['kind']> = Extract<Reason, { readonly kind: K }>

function reasonAs<K extends Reason['kind']>(kind: K, { reason, lines }: Explanation): Of<K> {
  assert.equal(reason.kind, kind, lines.join('\n'))
  return reason as Of<K>
}

/** A worker may be too busy to answer in so short a time: it is asked again. */
async function explained(app: Celeriac, id: string, check: (explanation: Explanation) => void): Promise<void> {
  let wrong: unknown
  await until('it is explained', async () => {
    try {
      check(await app.explain(id, soon))
      return true
    } catch (error) {
      wrong = error
      return false
    }
  }).catch((error: unknown) => {
    throw wrong ?? error
  })
}

function addOf({ app }: Harness): Task<[number, number], number> {
  return app.task('shop.add', (x: number, y: number) => x + y)
}

function describeExplain(store: Store): void {
  const test = (name: string, run: (harness: Harness) => Promise<void>, settings: object = {}): void =>
    void it(name, async () => {
      await using harness = await openHarness(store, settings)
      await run(harness)
    })

  describe(`why a task is not running, on ${store.name}`, () => {
    test('it waits behind others in a queue that nobody takes from', async (harness) => {
      const add = addOf(harness)
      await add.delay(1, 1)
      const { id } = await add.delay(2, 3)
      const explanation = await harness.app.explain(id, soon)
      const { ahead, answered } = reasonAs('noConsumer', explanation)
      assert.deepEqual([ahead, answered], [1, []])
      assert.deepEqual([explanation.taskName, explanation.queue, explanation.state], ['shop.add', 'celery', 'PENDING'])
      assert.match(explanation.lines.join('\n'), /behind 1 other, and no worker[^]*Start one with -Q celery/)
    })

    test('it has an ETA', async (harness) => {
      const { id } = await addOf(harness).applyAsync([2, 3], { countdown: '1h' })
      const explanation = await harness.app.explain(id, soon)
      const { why, until: due } = reasonAs('deferred', explanation)
      assert.equal(why, 'eta')
      assert.ok(Math.abs(due.getTime() - Date.now() - 3_600_000) < 60_000)
      assert.match(explanation.lines[0] ?? '', /ETA or countdown: not before .* \(in 60m\)/)
    })

    test('it is revoked, and its message is still there', async (harness) => {
      const { id } = await addOf(harness).delay(2, 3)
      await harness.app.revoke(id)
      const explanation = await harness.app.explain(id, soon)
      reasonAs('revoked', explanation)
      assert.equal(explanation.state, 'REVOKED')
      // Where results are not kept, the broker still has the revoke.
      await harness.app.result(id).forget()
      reasonAs('revoked', await harness.app.explain(id, soon))
    })

    test('it is expired, and its message is still there', async (harness) => {
      const { id } = await addOf(harness).applyAsync([2, 3], { expires: new Date(Date.now() - 1000) })
      const { expires } = reasonAs('expired', await harness.app.explain(id, soon))
      assert.ok(expires.getTime() < Date.now())
    })

    test('it is over', async (harness) => {
      const add = addOf(harness)
      await harness.startWorker()
      const result = await add.delay(2, 3)
      await result.get({ timeout: '5s' })
      const explanation = await harness.app.explain(result.id, soon)
      assert.equal(explanation.state, 'SUCCESS')
      const { at, error, result: value } = reasonAs('finished', explanation)
      assert.ok(at && Date.now() - at.getTime() < 10_000)
      assert.deepEqual([error, value], [undefined, 5])
      assert.match(explanation.lines.join('\n'), /SUCCESS at .*\.\nResult: 5$/)
    })

    test('it failed', async (harness) => {
      const fail = harness.app.task('shop.fail', () => {
        throw new RangeError('out of stock')
      })
      await harness.startWorker()
      const result = await fail.delay()
      await until('it has failed', () => result.failed())
      const explanation = await harness.app.explain(result.id, soon)
      assert.equal(reasonAs('finished', explanation).error?.type, 'RangeError')
      assert.match(explanation.lines.join('\n'), /FAILURE at .*\n.*RangeError.*out of stock/)
    })

    test('it is a dead letter', async (harness) => {
      const other = harness.anotherApp()
      await harness.startWorker()
      const { id } = await other.send('shop.unknown')
      await until('it is dead', async () => (await (await other.openBroker()).count('celery.dead')) === 1)
      const explanation = await other.explain(id, soon)
      const { death } = reasonAs('dead', explanation)
      assert.match(death?.reason ?? '', /no task shop\.unknown is registered/)
      assert.equal(explanation.queue, 'celery')
      assert.match(explanation.lines.join('\n'), new RegExp(`celeriac dead redrive celery ${id}`))
    })

    test('it is tried again later', async (harness) => {
      const flaky = harness.app.task('shop.flaky', { autoretryFor: [Error], retryDelay: '1h' }, () => {
        throw new Error('not now')
      })
      await harness.startWorker()
      const result = await flaky.delay()
      await until('it is put off', async () => (await result.state()) === 'RETRY')
      const deferred = async (): Promise<Of<'deferred'> | undefined> => {
        const { reason } = await harness.app.explain(result.id, soon)
        return reason.kind === 'deferred' ? reason : undefined
      }
      const { why, retries } = await until('its message is put off', deferred)
      assert.deepEqual([why, retries], ['retry', 1])
    })

    test('nothing is known of it', async (harness) => {
      const explanation = await harness.app.explain('no-such-task', soon)
      const { isSearched, hints } = reasonAs('unknown', explanation)
      assert.equal(isSearched, true)
      assert.match(hints.join('\n'), /no such task[^]*ignoreResult[^]*outbox/)
    })

    test('the search gave up', async (harness) => {
      const add = addOf(harness)
      const { id } = await add.delay(0, 0)
      await add.delayMany(Array.from({ length: 20 }, (_, x) => [x, x] as const))
      const explanation = await harness.app.explain('no-such-task', { ...soon, limit: 5 })
      const { isSearched, unseen } = reasonAs('unknown', explanation)
      assert.deepEqual([isSearched, unseen], [false, [{ queue: 'celery', count: 11 }]])
      assert.match(explanation.lines.join('\n'), /gave up.*\nNot looked at: 11 in queue celery; those that come next/)
      const first = await harness.app.explain(id, { ...soon, limit: 1 })
      assert.equal(reasonAs('noConsumer', first).ahead, 0)
      reasonAs('noConsumer', await harness.app.explain(id, soon))
    })

    test('a worker runs it, another waits there for the slot, a third in the queue', async (harness) => {
      const door = gate()
      const { app } = harness
      app.task('shop.wait', () => door.opened)
      // Of tasks that take so long, a worker takes one ahead.
      app.task('shop.short', () => currentTask().sleep('20ms'))
      const { worker } = await harness.startWorker({ concurrency: 1, prefetchMultiplier: 2, name: 'one@test' })
      await (await app.send('shop.short')).get({ timeout: '5s' })
      const calls = [await app.send('shop.wait'), await app.send('shop.wait'), await app.send('shop.wait')] as const
      const [first, second, third] = calls.map(({ id }) => id) as [string, string, string]
      const busy = { worker: worker.name, busy: 1, slots: 1 }
      try {
        await explained(app, first, ({ reason, lines }) => {
          assert.ok(reason.kind === 'running' && reason.since)
          assert.match(lines[0] ?? '', /^It runs in one@test since \S+ \(\d+s\)\.$/)
          assert.equal(reason.worker, worker.name)
          assert.ok(Date.now() - reason.since.getTime() < 10_000)
        })
        await explained(app, second, ({ reason, lines }) => {
          assert.deepEqual(reason, { kind: 'reserved', consumption: busy, rateLimit: undefined })
          assert.match(lines[0] ?? '', /one@test has taken it and not begun yet: its 1 slot\(s\) are busy/)
        })
        await explained(app, third, ({ reason, lines }) => {
          assert.deepEqual(reason, { kind: 'waiting', ahead: 0, consumers: [busy] })
          assert.match(lines.join('\n'), /as the next\.\n.*one@test \(1 of 1 slots busy\)/)
        })
      } finally {
        door.open()
      }
    })

    test('workers take from other queues only', async (harness) => {
      const { worker } = await harness.startWorker({ queues: ['other'], name: 'other@test' })
      const { id } = await harness.app.send('shop.add', [1, 2])
      await explained(harness.app, id, (explanation) => {
        assert.deepEqual(reasonAs('noConsumer', explanation).answered, [worker.name])
      })
    })

    test('somebody holds it of whom no worker says what it does', async (harness) => {
      const { id } = await harness.app.send('shop.add', [1, 2])
      const broker = await harness.anotherApp().openBroker()
      const taken = gate()
      await using _ = await broker.subscribe(['celery'], () => taken.open(), { prefetch: 1 })
      await taken.opened
      const explanation = await harness.app.explain(id, soon)
      const { holder } = reasonAs('held', explanation)
      assert.equal(holder.isAlive, true)
      assert.match(explanation.lines[0] ?? '', /^It is lent to (this process|process \d+( on \S+)?)\.$/)
      assert.match(
        explanation.lines[1] ?? '',
        /blocked, or it died, and the message is given out again when its lease is over/,
      )
    })

    test('its rate limit', async (harness) => {
      const limited = harness.app.task('shop.limited', { rateLimit: '1/h' }, () => 'done')
      await harness.startWorker()
      const first = await limited.delay()
      await first.get({ timeout: '5s' })
      const second = await limited.delay()
      const deferred = async (): Promise<Of<'deferred'> | undefined> => {
        const { reason } = await harness.app.explain(second.id, soon)
        return reason.kind === 'deferred' ? reason : undefined
      }
      const { why, rateLimit } = await until('it is put off', deferred)
      assert.deepEqual([why, rateLimit], ['rateLimit', '1/h'])
    })
  })
}

for (const store of [memoryStore, sqliteStore, await redisStore()]) if (store) describeExplain(store)
