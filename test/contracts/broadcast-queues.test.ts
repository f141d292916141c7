import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openBroker, withBroadcastQueues } from '../../src/brokers/open-broker.ts'
import { deathHeader } from '../../src/protocol/message.ts'
import { currentTask } from '../../src/index.ts'
import { memoryStore, openHarness, redisStore, sqliteStore, until } from '../support/worker-harness.ts'
import { Inbox, inMs, to } from './broker-contract-tools.ts'

const settings = { task_broadcast_queues: ['news'] }

const redis = await redisStore()

for (const store of [memoryStore, sqliteStore, ...(redis ? [redis] : [])]) {
  describe(`broadcast queues on ${store.name}`, () => {
    it('bring a task to every worker that runs, and to none that starts later', async () => {
      await using harness = await openHarness(store, settings)
      const ran: string[] = []
      const task = harness.app.task('shop.refresh', { queue: 'news' }, (what: string) => {
        ran.push(`${what} at ${currentTask().request.hostname}`)
      })
      await task.delay('missed')
      await harness.startWorker({ name: 'one@here' })
      await harness.startWorker({ name: 'two@here', queues: ['news'] })
      await harness.startWorker({ name: 'other@here', queues: ['celery'] })
      await task.delay('prices')
      await until('both ran it', () => ran.length === 2)
      assert.deepEqual(ran.toSorted(), ['prices at one@here', 'prices at two@here'])
    })

    for (const acksLate of [true, false])
      it(`retry where the task failed, and nowhere else${acksLate ? '' : ', although it was acknowledged before'}`, async () => {
        await using harness = await openHarness(store, settings)
        const attempts: string[] = []
        const task = harness.app.task('shop.flaky', { queue: 'news', acksLate }, () => {
          const { request } = currentTask()
          attempts.push(`${request.hostname} ${request.retries}`)
          if (request.hostname === 'one@here' && request.retries === 0) currentTask().retry({ countdown: '10ms' })
        })
        await harness.startWorker({ name: 'one@here' })
        await harness.startWorker({ name: 'two@here' })
        await task.delay()
        await until('the retry ran', () => attempts.length === 3)
        assert.deepEqual(attempts.toSorted(), ['one@here 0', 'one@here 1', 'two@here 0'])
      })

    it('leave other queues as they are, also in one publish and one subscription', async () => {
      const { broker: url, dispose } = await store.open()
      {
        await using broker = await withBroadcastQueues(await openBroker(url), ['news'], 'celery')
        const [one, two] = [new Inbox({ settles: true }), new Inbox({ settles: true })]
        await broker.subscribe(['news', 'q'], one.onDeliveries, { prefetch: 10 })
        await broker.subscribe(['news'], two.onDeliveries, { prefetch: 10 })
        await broker.publish([...to('news', 'n'), ...to('q', 'q')])
        await one.waitFor(2)
        await two.waitFor(1)
        assert.deepEqual(one.bodies.toSorted(), ['n', 'q'])
        assert.deepEqual(two.bodies, ['n'])
        assert.equal(await broker.count('q'), 0)
      }
      await dispose()
    })

    it('give what a sender without the setting put into the queue to one worker, and count it', async () => {
      const { broker: url, dispose } = await store.open()
      {
        const inner = await openBroker(url)
        await using broker = await withBroadcastQueues(inner, ['news'], 'celery')
        await inner.publish(to('news', 'a'))
        assert.equal(await broker.count('news'), 1)
        const [one, two] = [new Inbox({ settles: true }), new Inbox({ settles: true })]
        await broker.subscribe(['news'], one.onDeliveries, { prefetch: 10 })
        await one.waitFor(1)
        await broker.subscribe(['news'], two.onDeliveries, { prefetch: 10 })
        await two.staysAt(0)
        assert.equal(await broker.count('news'), 0)
      }
      await dispose()
    })

    it('defer in the worker, and put what is refused among the dead letters of the store', async () => {
      const { broker: url, dispose } = await store.open()
      {
        const inner = await openBroker(url)
        await using broker = await withBroadcastQueues(inner, ['news'], 'celery')
        const inbox = new Inbox()
        const subscription = await broker.subscribe([], inbox.onDeliveries, { prefetch: 10 })
        await subscription.add('news')
        await broker.publish(to('news', 'a'))
        await inbox.waitFor(1)
        await inbox.at(0).defer(inMs(20))
        await inbox.waitFor(2)
        await inbox.at(1).reject({ requeue: false, reason: 'no good' })
        const [dead] = (await broker.peek?.('news.dead', { offset: 0, limit: 1 })) ?? []
        assert.equal((dead?.headers[deathHeader] as { reason: string } | undefined)?.reason, 'no good')
        await subscription.cancel('news')
        await broker.publish(to('news', 'b'))
        await inbox.staysAt(2)
      }
      await dispose()
    })
  })
}
