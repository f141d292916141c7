import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Delivery } from '../../src/brokers/broker.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { drain, inMs, Inbox, numbered, to } from './broker-contract-tools.ts'
import { sleep, until } from './contract.ts'
import { RedisLab } from './redis-broker-lab.ts'

/** The outages are made on purpose. */
const quietly = { prefetch: 10, onOutage: () => {} }

const server = await privateServer('redis')
const redis = server as PrivateServer
after(async () => {
  if ('stop' in server) await server.stop()
})

describe('redis broker: replies that never came', { skip: skipIfMissing(server) }, () => {
  it('publishes once what it sends again, to one list or to several', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.proxied()
    for (let n = 0; n < 4; n++) {
      lab.proxy.loseReplyTo(`message-${n}`)
      const several = n % 2 === 1 ? to('r', `third-${n}`) : []
      await Promise.all([
        broker.publish([...to('q', `message-${n}`), ...several]),
        broker.publish(to('q', `other-${n}`)),
      ])
      assert.equal(lab.proxy.isLosing, false, 'nothing was lost')
    }
    assert.deepEqual([await broker.count('q'), await broker.count('r')], [8, 2])
  })

  it('numbers on after a publish that the server refused, and keeps the number for an hour', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.proxied()
    await lab.run('SET', 'wrong', 'no list')
    await broker.publish(to('q', 'first'))
    await assert.rejects(broker.publish(to('wrong', 'refused')), /WRONGTYPE/)
    lab.proxy.loseReplyTo('second')
    await broker.publish(to('q', 'second'))
    assert.equal(await broker.count('q'), 2)
    const [producer] = (await lab.run('KEYS', 'celeriac.producer.*')) as string[]
    assert.equal(await lab.run('GET', String(producer)), '3')
    assert.ok(Number(await lab.run('TTL', String(producer))) > 3500)
  })

  it('publishes in one piece what is cut under load', async () => {
    await using lab = await RedisLab.open(redis)
    const bodies = numbered(1600)
    for (let from = 0; from < bodies.length; from += 400) {
      // A new one each time: pauses between attempts to connect grow.
      const broker = await lab.proxied()
      const cutting = setInterval(() => {
        if (Math.random() < 0.5) lab.proxy.cut()
        else lab.proxy.cutWithinReply(Math.floor(Math.random() * 20))
      }, 20)
      const calls: Promise<void>[] = []
      for (let at = from; at < from + 400; at += 20) {
        const [alone, together] = [bodies.slice(at, at + 10), bodies.slice(at + 10, at + 20)]
        calls.push(...alone.map((body) => broker.publish(to('q', body))), broker.publish(to('q', ...together)))
        await sleep(3)
      }
      clearInterval(cutting)
      await Promise.all(calls)
    }
    const deliveries = await drain(await lab.broker(), 'q', bodies.length)
    assert.deepEqual(deliveries.map(({ message }) => String(message.body)).toSorted(), bodies)
    await lab.allDone()
  })

  it('delivers once what was taken by a script whose reply was lost', async () => {
    await using lab = await RedisLab.open(redis)
    const [producer, broker] = [await lab.broker(), await lab.proxied()]
    const inbox = new Inbox({ settles: true })
    await broker.subscribe(['q'], inbox.onDeliveries, quietly)
    for (let n = 1; n <= 4; n++) {
      // whatever the consumer asks next: the answer, with the message in it, is cut
      lab.proxy.cutWithinReply(1)
      await producer.publish(to('q', `message-${n}`))
      await inbox.waitFor(n)
    }
    await lab.allDone()
    assert.deepEqual(
      inbox.deliveries.map(({ deliveryCount }) => deliveryCount),
      [1, 1, 1, 1],
      'a delivery that nobody saw was counted',
    )
  })

  it('leaves to others what comes while one who waits for it ends', async () => {
    await using lab = await RedisLab.open(redis)
    const producer = await lab.broker()
    for (let n = 1; n <= 15; n++) {
      const broker = await lab.broker()
      await broker.subscribe(['q'], () => undefined, quietly)
      await until(
        async () => String(await lab.run('CLIENT', 'LIST')).includes('cmd=blmove'),
        () => 'nobody waits',
      )
      const ending = sleep(Math.random() * 3).then(() => broker[Symbol.asyncDispose]())
      await Promise.all([producer.publish(to('q', `message-${n}`)), ending])
      assert.equal(await producer.count('q'), 1)
      await lab.checkPlaces()
      await producer.purge('q')
    }
  })

  it('settles once, whatever was asked for', async () => {
    await using lab = await RedisLab.open(redis)
    const [direct, broker] = [await lab.broker(), await lab.proxied()]
    const settlements: Record<string, (delivery: Delivery) => Promise<void>> = {
      acknowledge: (delivery) => delivery.acknowledge(),
      succeed: (delivery) => delivery.acknowledge(to('after', 'successor')),
      requeue: (delivery) => delivery.reject({ requeue: true }),
      bury: (delivery) => delivery.reject({ requeue: false, reason: 'for good' }),
      defer: (delivery) => delivery.defer(inMs(86_400_000)),
    }
    for (const [name, settle] of Object.entries(settlements)) {
      await direct.publish(to(name, name))
      const inbox = new Inbox()
      const subscription = await broker.subscribe([name], inbox.onDeliveries, { prefetch: 1 })
      await inbox.waitFor(1)
      await subscription.pause()
      lab.proxy.cutWithinReply(0)
      await settle(inbox.at(0))
      await subscription[Symbol.asyncDispose]()
    }
    const counts = await Promise.all(
      ['acknowledge', 'succeed', 'after', 'requeue', 'bury', 'bury.dead', 'defer'].map((queue) => direct.count(queue)),
    )
    assert.deepEqual(counts, [0, 0, 1, 1, 0, 1, 1])
    await lab.checkPlaces()
  })
})
