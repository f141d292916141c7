import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Delivery } from '../../src/brokers/broker.ts'
import { service } from '../services.ts'
import { Inbox, text, to } from './broker-contract-tools.ts'
import { until } from './contract.ts'
import { RedisStore } from './redis-store.ts'

const redis = await service('redis')
if ('url' in redis) describeOrder(redis.url)

function describeOrder(url: string): void {
  /** The queues of what is delivered, as first letters, with ten messages in each of `a`, `b` and `c`. */
  async function letters(strategy: string, queues: readonly string[], prefetch: number): Promise<string> {
    await using store = await RedisStore.open(url)
    const broker = await store.broker({ queue_order_strategy: strategy })
    const bodies = Array.from({ length: 10 }, (_, index) => String(index))
    await broker.publish([...to('a', ...bodies), ...to('b', ...bodies), ...to('c', ...bodies)])
    const inbox = new Inbox({ settles: true })
    await broker.subscribe(queues, inbox.onDeliveries, { prefetch })
    await inbox.waitFor(30)
    for (const queue of queues) {
      const own = inbox.deliveries.filter((delivery) => delivery.queue === queue).map(({ message }) => message.body)
      assert.deepEqual(own, bodies, `first come, first served in ${queue}`)
    }
    return inbox.deliveries.map(({ queue }) => queue).join('')
  }

  describe('redis: queues in order', () => {
    it('gives each queue its turn, round_robin', async () => {
      assert.match(await letters('round_robin', ['c', 'a', 'b'], 1), /^(cab){9}/)
    })

    it('shares a larger window among the queues', async () => {
      const first = (await letters('round_robin', ['a', 'b', 'c'], 6)).slice(0, 6)
      assert.equal(first.split('').toSorted().join(''), 'aabbcc')
    })

    it('empties the queues in the order they are named, priority', async () => {
      assert.equal(await letters('priority', ['c', 'a', 'b'], 4), `${'c'.repeat(10)}${'a'.repeat(10)}${'b'.repeat(10)}`)
    })

    it('empties the queues in the order of the alphabet, sorted', async () => {
      assert.equal(await letters('sorted', ['c', 'a', 'b'], 4), `${'a'.repeat(10)}${'b'.repeat(10)}${'c'.repeat(10)}`)
    })

    it('takes from a thousand queues without standing still', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker({})
      const queues = Array.from({ length: 1000 }, (_, index) => `tenant-${index}`)
      await broker.publish(queues.flatMap((queue) => to(queue, queue)))
      const inbox = new Inbox({ settles: true })
      const startedAt = performance.now()
      await broker.subscribe(queues, inbox.onDeliveries, { prefetch: 100 })
      const subscribedMs = performance.now() - startedAt
      assert.ok(subscribedMs < 2000, `the event loop stood still for ${subscribedMs} ms`)
      await inbox.waitFor(queues.length)
      assert.deepEqual(new Set(inbox.bodies), new Set(queues))
    })

    it('takes the steps of a priority that the options name', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker({ priority_steps: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], sep: ':' })
      await broker.publish([0, 4, 9, 1].map((priority) => ({ queue: 'q', message: text(`${priority}`, { priority }) })))
      assert.deepEqual(
        await Promise.all(['q', 'q:5', 'q:8', 'q:9'].map((list) => store.run('LLEN', list))),
        [1, 1, 1, 1],
      )
      const inbox = new Inbox({ settles: true })
      await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
      await inbox.waitFor(4)
      assert.deepEqual(inbox.bodies, ['9', '4', '1', '0'])
    })

    it('takes a higher priority of any queue before a lower one', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker()
      const messages = ['a', 'b'].flatMap((queue) =>
        [1, 9].map((priority) => ({ queue, message: text(`${queue}${priority}`, { priority }) })),
      )
      await broker.publish(messages)
      const inbox = new Inbox({ settles: true })
      await broker.subscribe(['a', 'b'], inbox.onDeliveries, { prefetch: 4 })
      await inbox.waitFor(4)
      assert.deepEqual(inbox.bodies, ['a9', 'b9', 'a1', 'b1'])
    })

    it('hears of each of twenty queues', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker()
      const queues = Array.from({ length: 20 }, (_, index) => `q${index}`)
      const inbox = new Inbox({ settles: true })
      await broker.subscribe(queues, inbox.onDeliveries, { prefetch: 4 })
      await inbox.staysAt(0, 50)
      for (const queue of queues) await broker.publish(to(queue, queue))
      await inbox.waitFor(20)
      assert.deepEqual(inbox.bodies.toSorted(), queues.toSorted())
    })

    it('finds what Python puts behind with a priority, which rings no bell', async () => {
      await using store = await RedisStore.open(url)
      const [broker, sender] = [await store.broker(), await store.broker({ global_keyprefix: `${store.prefix}other:` })]
      const inbox = new Inbox({ settles: true })
      await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 4 })
      await inbox.staysAt(0, 50)
      await sender.publish([{ queue: 'q', message: text('low', { priority: 0 }) }])
      const moved = await store.run('RPOP', 'other:q\x06\x169')
      await store.run('LPUSH', 'q\x06\x169', String(moved))
      await inbox.waitFor(1)
    })
  })

  describe('redis: deferred messages', () => {
    it('come on time, though other consumers have put them aside', async () => {
      await using store = await RedisStore.open(url)
      const [one, other] = [await store.broker(), await store.broker()]
      const put = new Inbox()
      const first = await one.subscribe(['q'], put.onDeliveries, { prefetch: 40 })
      await one.publish(to('q', ...Array.from({ length: 40 }, (_, index) => String(index))))
      await put.waitFor(40)
      await first.pause()
      const late: number[] = []
      const note = (deliveries: readonly Delivery[]): void => {
        for (const { message } of deliveries) late.push(Date.now() - (dueAtMs[Number(message.body)] ?? 0))
      }
      await other.subscribe(['q'], note, { prefetch: 100 })
      const dueAtMs = put.deliveries.map((_, index) => Date.now() + 200 + index * 20)
      await Promise.all(put.deliveries.map((delivery, index) => delivery.defer(new Date(dueAtMs[index] ?? 0))))
      await until(
        () => late.length === 40,
        () => `40 deliveries, got ${late.length}`,
      )
      late.sort((a, b) => a - b)
      assert.ok((late[0] ?? -1) >= 0, `one came ${late[0]} ms late`)
      // A few milliseconds on a machine that has nothing else to do.
      assert.ok((late[20] ?? 0) < 250, `half of them came more than ${late[20]} ms late`)
    })
  })
}
