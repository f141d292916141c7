import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import type { OnDeliveries } from '../../src/brokers/broker.ts'
import { service } from '../services.ts'
import { drain, inMs, Inbox, peek, text, to } from './broker-contract-tools.ts'
import { sleep, until } from './contract.ts'
import { RedisStore } from './redis-store.ts'

const separator = '\x06\x16'
const snapshot = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../fixtures/captures/redis_unacked_snapshot.json'), 'utf8'),
) as { readonly unacked: Record<string, string>; readonly unacked_index: readonly (readonly [string, number])[] }

const redis = await service('redis')
if ('url' in redis) describeRestore(redis.url)

function describeRestore(url: string): void {
  const [pythonTag = '', pythonRecord = ''] = Object.entries(snapshot.unacked)[0] ?? []

  const quick = { visibility_timeout: 2, lease_seconds: 0.5 }

  /** What a worker of Python holds since `age` seconds ago. */
  async function held(store: RedisStore, age: number, record: string = pythonRecord, tag = pythonTag): Promise<void> {
    await store.run('HSET', 'unacked', tag, record)
    await store.run('ZADD', 'unacked_index', String(Date.now() / 1000 - age), tag)
  }

  const rerouted = (exchange: string, routingKey: string): string => {
    const [envelope] = JSON.parse(pythonRecord) as [unknown]
    return JSON.stringify([envelope, exchange, routingKey])
  }

  async function waitForLength(store: RedisStore, list: string, length = 1): Promise<void> {
    await until(
      async () => (await store.run('LLEN', list)) === length,
      () => `${length} messages in ${list}`,
    )
  }

  describe('redis: what workers of Python left', () => {
    it('comes back after the visibility timeout, flagged as kombu does it', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker(quick)
      await held(store, 3)
      await broker.subscribe(['other'], () => undefined, { prefetch: 1 })
      await waitForLength(store, 'celery')
      const restored = JSON.parse(String(await store.run('LINDEX', 'celery', '0'))) as Record<string, unknown>
      const [sent] = JSON.parse(pythonRecord) as [Record<string, Record<string, Record<string, unknown>>>]
      assert.deepEqual(restored, {
        ...sent,
        headers: { ...sent['headers'], redelivered: true },
        properties: {
          ...sent['properties'],
          delivery_info: { ...sent['properties']?.['delivery_info'], redelivered: true },
        },
        'celeriac-deliveries': 1,
      })
      assert.deepEqual([await store.run('HLEN', 'unacked'), await store.run('ZCARD', 'unacked_index')], [0, 0])
      const [delivery] = await drain(broker, 'celery', 1)
      assert.equal(delivery?.deliveryCount, 2)
    })

    it('stays with them before that', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker(quick)
      await held(store, -10)
      await broker.subscribe(['other'], () => undefined, { prefetch: 1 })
      await sleep(700)
      assert.equal(await store.run('HLEN', 'unacked'), 1)
    })

    it('goes to the queues that its exchange is bound to', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker(quick)
      await store.run('SADD', '_kombu.binding.tx', `a.#${separator}^a\\..*?$${separator}t1`)
      await store.run('SADD', '_kombu.binding.tx', `a.b-c${separator}${separator}t2`)
      await store.run('SADD', '_kombu.binding.tx', `b${separator}${separator}t3`)
      await held(store, 3, rerouted('tx', 'a.b-c'))
      await broker.subscribe(['other'], () => undefined, { prefetch: 1 })
      await waitForLength(store, 't1')
      assert.deepEqual([await store.run('LLEN', 't2'), await store.run('LLEN', 't3')], [1, 0])
    })

    it('goes to the queue named by its routing key where kombu would drop it for want of a binding', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker(quick)
      await held(store, 3, rerouted('gone', 'key'))
      await broker.subscribe(['other'], () => undefined, { prefetch: 1 })
      await waitForLength(store, 'key')
    })

    it('is left to whoever has kombu’s lock', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker(quick)
      await store.run('SET', 'unacked_mutex', 'another', 'PX', '1200')
      await held(store, 3)
      await broker.subscribe(['other'], () => undefined, { prefetch: 1 })
      await sleep(600)
      assert.equal(await store.run('LLEN', 'celery'), 0)
      await waitForLength(store, 'celery')
    })

    it('is forgotten where only its time is left, and comes back byte by byte where it is no JSON', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker(quick)
      await store.run('ZADD', 'unacked_index', '1', 'gone')
      const record = Buffer.concat([Buffer.from('['), Buffer.from([0xff, 0x7b]), Buffer.from(', "", "q2"]')])
      await store.run('HSET', 'unacked', 'odd', record)
      await store.run('ZADD', 'unacked_index', '1', 'odd')
      await broker.subscribe(['other'], () => undefined, { prefetch: 1 })
      await waitForLength(store, 'q2')
      assert.equal(await store.run('ZCARD', 'unacked_index'), 0)
      const [message] = await peek(broker, 'q2', 0, 1)
      assert.deepEqual(message?.body, Buffer.from([0xff, 0x7b]))
    })
  })

  describe('redis: what a consumer of ours left', () => {
    /** As a process does that is killed: it says nothing more. */
    async function abandon(store: RedisStore, leaseSeconds: number): Promise<Inbox> {
      const inbox = new Inbox()
      const broker = await store.broker({ lease_seconds: leaseSeconds })
      const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 4 })
      await inbox.waitFor(4)
      await subscription.pause()
      const [consumer = ''] = (await store.run('ZRANGE', 'celeriac.consumers', '0', '0')) as string[]
      await store.run('ZADD', 'celeriac.consumers', '1', consumer)
      await store.run('DEL', 'celeriac.consumers.grace')
      return inbox
    }

    const holders = async (store: RedisStore): Promise<string[]> => {
      const keys = (await store.run('KEYS', 'celeriac.holder.*')) as string[]
      return keys.map((key) => key.slice(key.indexOf('celeriac.holder.')))
    }

    it('was held by a process that has a name, and which is forgotten with what it left', async () => {
      await using store = await RedisStore.open(url)
      const sender = await store.broker()
      await sender.publish(to('q', '1', '2', '3', '4'))
      await abandon(store, 30)
      const [key = '', ...more] = await holders(store)
      assert.deepEqual(more, [])
      assert.equal(await store.run('GET', key), `process ${process.pid} on ${hostname()}`)
      const second = new Inbox()
      const other = await store.broker()
      await other.subscribe(['q'], second.onDeliveries, { prefetch: 10 })
      await second.waitFor(4)
      await until(
        async () => !(await holders(store)).includes(key),
        () => 'the name of the dead is forgotten',
      )
      await Promise.all(second.deliveries.map((delivery) => delivery.acknowledge()))
      await other[Symbol.asyncDispose]()
      assert.deepEqual(await holders(store), [])
    })

    it('comes back in its order and to its list, counted, and its holder is told', async () => {
      await using store = await RedisStore.open(url)
      const sender = await store.broker()
      const priorities = [9, 9, 1, 1]
      await sender.publish(
        priorities.map((priority, index) => ({ queue: 'q', message: text(`${index}`, { priority }) })),
      )
      const first = await abandon(store, 30)
      await sender.publish(to('q', 'later'))
      const second = new Inbox()
      const other = await store.broker()
      await other.subscribe(['q'], second.onDeliveries, { prefetch: 10 })
      await second.waitFor(5)
      assert.deepEqual(second.bodies.toSorted(), ['0', '1', '2', '3', 'later'])
      assert.deepEqual(
        second.bodies.filter((body) => body !== 'later'),
        ['0', '1', '2', '3'],
      )
      const counts = second.deliveries.map(({ message, deliveryCount }) => `${String(message.body)} ${deliveryCount}`)
      assert.deepEqual(counts.toSorted(), ['0 2', '1 2', '2 2', '3 2', 'later 1'])
      assert.deepEqual(second.at(0).message.headers, { id: second.bodies[0] })
      await first.at(0).acknowledge(to('next', 'x'))
      assert.ok(first.at(0).lost.aborted)
      assert.equal(await sender.count('next'), 0)
    })

    it('stays deferred until it is due', async () => {
      await using store = await RedisStore.open(url)
      const sender = await store.broker()
      await sender.publish(to('q', 'a', 'b', 'c', 'd'))
      const first = await abandon(store, 30)
      const due = inMs(300)
      await first.at(0).defer(due)
      const second = new Inbox()
      const lateMs: number[] = []
      const noteTimes: OnDeliveries = (deliveries) => {
        for (const { message } of deliveries) if (message.body === 'a') lateMs.push(Date.now() - due.getTime())
        second.onDeliveries(deliveries)
      }
      await (await store.broker()).subscribe(['q'], noteTimes, { prefetch: 10 })
      await second.waitFor(4)
      assert.deepEqual(second.bodies.toSorted(), ['a', 'b', 'c', 'd'])
      assert.ok(lateMs.length === 1 && lateMs.every((ms) => ms >= 0), `it came ${lateMs.join(', ')} ms late`)
      const counts = second.deliveries.map(({ message, deliveryCount }) => `${String(message.body)} ${deliveryCount}`)
      assert.ok(counts.includes('a 1'), counts.join(', '))
    })

    it('is nothing when it stopped while a message came', async () => {
      await using store = await RedisStore.open(url)
      const sender = await store.broker()
      for (let round = 0; round < 10; round++) {
        const inbox = new Inbox()
        const subscription = await (await store.broker()).subscribe(['q'], inbox.onDeliveries, { prefetch: 10 })
        await sleep(10)
        const stopped = sleep(round / 4).then(() => subscription[Symbol.asyncDispose]())
        await Promise.all([sender.publish(to('q', String(round))), stopped])
        assert.equal(await sender.count('q'), 1, `round ${round}: ${inbox.deliveries.length} delivered`)
        const [delivery] = await drain(sender, 'q', 1)
        assert.equal(delivery?.deliveryCount, 1)
      }
      assert.equal(await store.run('HLEN', 'unacked'), 0)
    })

    it('stays with everybody for a lease after the server was away', async () => {
      await using store = await RedisStore.open(url)
      const sender = await store.broker()
      await sender.publish(to('q', 'a', 'b', 'c', 'd'))
      await abandon(store, 30)
      await store.run('SET', 'celeriac.consumers.renewed', String(Date.now() - 60_000))
      const second = new Inbox()
      await (await store.broker()).subscribe(['q'], second.onDeliveries, { prefetch: 10 })
      await second.staysAt(0, 300)
    })
  })
}
