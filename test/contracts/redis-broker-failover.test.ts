import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import {
  clusteredRedis,
  replicatedRedis,
  skipIfMissing,
  type ClusteredRedis,
  type ReplicatedRedis,
} from '../services.ts'
import { inMs, Inbox, numbered, peek, to } from './broker-contract-tools.ts'
import { redisCommand } from '../support/redis-command.ts'
import { until } from './contract.ts'

const [cluster, redundant] = [await clusteredRedis(), await replicatedRedis()]

describe('redis broker: a cluster', { skip: skipIfMissing(cluster) }, () => {
  const redis = cluster as ClusteredRedis
  const tag = '{jobs}:'
  const open = (): Promise<Broker> =>
    openBroker(redis.url, { transportOptions: { global_keyprefix: tag, lease_seconds: 2 } })
  after(() => redis[Symbol.asyncDispose]())

  it('carries messages, deferred and dead ones too, with all keys in one slot', async () => {
    await using broker = await open()
    const inbox = new Inbox()
    await broker.publish([...to('q', 'a', 'b', 'c'), ...to('other', 'x')])
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 3 })
    await inbox.waitFor(3)
    await inbox.at(0).acknowledge(to('next', 'y'))
    await inbox.at(1).defer(inMs(100))
    await inbox.at(2).reject({ requeue: false, reason: 'bad' })
    await inbox.waitFor(4)
    await subscription[Symbol.asyncDispose]()
    assert.deepEqual(await broker.queues?.(), ['next', 'other', 'q', 'q.dead'])
    assert.equal((await peek(broker, 'q', 0, 9))[0]?.body, 'b')
    for (const queue of ['next', 'other', 'q', 'q.dead']) assert.equal(await broker.purge(queue), 1)
  })

  it('loses and doubles nothing while the slot moves to another node', async () => {
    await using sender = await open()
    await using taker = await open()
    const bodies = numbered(600)
    const inbox = new Inbox({ settles: true })
    await taker.subscribe(['q'], inbox.onDeliveries, { prefetch: 20, onOutage: () => undefined })
    const publishing = (async () => {
      for (let from = 0; from < bodies.length; from += 10) {
        await sender.publish(to('q', ...bodies.slice(from, from + 10)))
      }
    })()
    await inbox.waitFor(20)
    await redis.moveSlot(tag)
    await publishing
    await inbox.staysAt(bodies.length)
    assert.deepEqual(inbox.bodies.toSorted(), bodies)
  })

  it('gives others what a consumer left that is gone', async () => {
    await using sender = await open()
    const [inbox, second] = [new Inbox(), new Inbox()]
    const gone = await open()
    await sender.publish(to('q', 'a'))
    const subscription = await gone.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await subscription.pause()
    const owner = await redis.ownerOf(tag)
    const [consumer] = (await redisCommand(owner.url, 'ZRANGE', `${tag}celeriac.consumers`, '0', '0')) as string[]
    await redisCommand(owner.url, 'ZADD', `${tag}celeriac.consumers`, '0', String(consumer))
    await sender.subscribe(['q'], second.onDeliveries, { prefetch: 1 })
    await second.waitFor(1)
    assert.equal(second.at(0).deliveryCount, 2)
    await gone[Symbol.asyncDispose]()
  })
})

describe('redis broker: Sentinels', { skip: skipIfMissing(redundant) }, () => {
  const redis = redundant as ReplicatedRedis
  after(() => redis[Symbol.asyncDispose]())

  it('goes on with the replica that is promoted when the master is killed', async () => {
    const transportOptions = { master_name: redis.masterName, socket_timeout: 1, socket_connect_timeout: 1 }
    await using broker = await openBroker(redis.url, { transportOptions })
    const inbox = new Inbox({ settles: true })
    const outages: boolean[] = []
    const onOutage = (reason: Error | undefined): void => void outages.push(reason !== undefined)
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 5, onOutage })
    await broker.publish(to('q', 'before'))
    await inbox.waitFor(1)
    const master = await redis.master()
    await master.stop()
    const during = broker.publish(to('q', 'during'), { giveUpAt: Date.now() + 60_000 })
    await redis.failedOver(master)
    await during
    await broker.publish(to('q', 'after'))
    await inbox.waitFor(3)
    assert.deepEqual(inbox.bodies.slice(-2), ['during', 'after'])
    await until(
      () => outages.at(-1) === false,
      () => 'the end of the outage to be told',
    )
  })
})
