import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Celeriac, OperationalError } from '../../src/index.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { drain, inMs, Inbox, numbered, text, to } from './broker-contract-tools.ts'
import { sleep, until } from './contract.ts'
import { RedisLab } from './redis-broker-lab.ts'

/** The outages are made on purpose. */
const quietly = { prefetch: 10, onOutage: () => {} }

const server = await privateServer('redis')
const redis = server as PrivateServer
after(async () => {
  if ('stop' in server) await server.stop()
})

describe('redis broker: Redis away', { skip: skipIfMissing(server) }, () => {
  for (const fault of ['refuse', 'freeze'] as const) {
    it(`rejects a call within task_publish_timeout on ${fault}, and takes the next one afterwards`, async () => {
      await using lab = await RedisLab.open(redis)
      await using app = new Celeriac('away', {
        broker: lab.proxy.through(redis.url),
        settings: {
          task_publish_timeout: '800ms',
          broker_transport_options: { socketTimeout: 0.5, socketConnectTimeout: 0.5 },
        },
      })
      await app.send('first')
      await lab.proxy[fault]()
      const startMs = performance.now()
      await assert.rejects(app.send('second'), OperationalError)
      assert.ok(performance.now() - startMs < 2000, `rejected after ${performance.now() - startMs} ms`)
      lab.proxy.thaw({ forgets: true })
      await lab.proxy.accept()
      const isSent = (): Promise<boolean> =>
        app.send('third').then(
          () => true,
          () => false,
        )
      await until(isSent, () => 'the next call')
      const waiting = (await lab.run('LRANGE', 'celery', '0', '-1')) as string[]
      assert.equal(waiting.length, 2, 'what was refused came later')
    })
  }

  it('never publishes what its caller has given up', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.proxied()
    await lab.proxy.refuse()
    const late = broker.publish(to('q', 'late'), { giveUpAt: Date.now() + 300 })
    const patient = broker.publish(to('q', 'patient'), { giveUpAt: Date.now() + 30_000 })
    await assert.rejects(late, (error: Error) => {
      return error instanceof OperationalError && /was not carried out.*connect|connection/s.test(error.message)
    })
    await lab.proxy.accept()
    await patient
    await broker.publish(to('q', 'next'))
    const bodies = (await drain(broker, 'q', 2)).map(({ message }) => message.body)
    assert.deepEqual(bodies, ['patient', 'next'])
  })

  it('refuses calls while the memory of the server is full, and empties its queues', async () => {
    await using lab = await RedisLab.open(redis)
    const [sender, taker] = [await lab.broker(), await lab.broker()]
    await sender.publish(to('q', ...numbered(50)))
    await lab.run('CONFIG', 'SET', 'maxmemory', '1mb')
    try {
      await assert.rejects(sender.publish(to('q', 'more')), /maxmemory/)
      const inbox = new Inbox()
      await taker.subscribe(['q'], inbox.onDeliveries, { prefetch: 8 })
      for (let at = 0; at < 50; at++) {
        await inbox.waitFor(at + 1)
        if (at % 5 === 0) await inbox.at(at).reject({ requeue: false, reason: 'bad' })
        else await inbox.acknowledge(inbox.at(at))
      }
      assert.deepEqual([await sender.count('q'), await sender.count('q.dead')], [0, 10])
    } finally {
      await lab.run('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  it('tells of an outage and of its end, and takes messages again by itself', async () => {
    await using lab = await RedisLab.open(redis)
    const [producer, broker] = [await lab.broker(), await lab.proxied()]
    const told: (Error | undefined)[] = []
    const inbox = new Inbox({ settles: true })
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 10, onOutage: (reason) => told.push(reason) })
    for (const [round, fault] of (['freeze', 'refuse'] as const).entries()) {
      await lab.proxy[fault]()
      await until(
        () => told.length === 2 * round + 1,
        () => `to be told of ${fault}`,
      )
      assert.ok(told.at(-1) instanceof Error)
      await producer.publish(to('q', fault))
      lab.proxy.thaw({ forgets: true })
      await lab.proxy.accept()
      await inbox.waitFor(round + 1)
      await until(
        () => told.length === 2 * round + 2,
        () => `to be told that ${fault} is over`,
      )
      assert.equal(told.at(-1), undefined)
    }
    await lab.allDone()
  })

  it('keeps loans over an outage that is shorter than the lease', async () => {
    await using lab = await RedisLab.open(redis)
    const [other, broker] = [await lab.broker({ leaseSeconds: 3 }), await lab.proxied({ leaseSeconds: 3 })]
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, quietly)
    await other.publish(to('q', 'a'))
    await inbox.waitFor(1)
    const stolen = new Inbox()
    await other.subscribe(['q'], stolen.onDeliveries, { prefetch: 10 })
    await lab.proxy.refuse()
    await sleep(1000)
    await lab.proxy.accept()
    // Longer than the lease: it was renewed again.
    await sleep(3500)
    assert.equal(inbox.at(0).isLost, false)
    await inbox.acknowledgeAll()
    await lab.allDone()
    assert.deepEqual(stolen.bodies, [])
  })

  it('gives others what it held when an outage is longer than the lease, and says that it is lost', async () => {
    await using lab = await RedisLab.open(redis)
    const [other, broker] = [await lab.broker({ leaseSeconds: 1 }), await lab.proxied({ leaseSeconds: 1 })]
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, quietly)
    await other.publish(to('q', 'a'))
    await inbox.waitFor(1)
    const heir = new Inbox()
    await other.subscribe(['q'], heir.onDeliveries, { prefetch: 10 })
    await lab.proxy.refuse()
    await heir.waitFor(1)
    assert.equal(heir.at(0).deliveryCount, 2)
    await lab.proxy.accept()
    await until(
      () => inbox.at(0).isLost,
      () => 'the loan to be lost',
    )
    await inbox.acknowledgeAll()
    await lab.checkPlaces()
    await heir.acknowledgeAll()
    await lab.allDone()
  })

  it('gives back what it knows nothing of after a failover that lost acknowledgements', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.broker()
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, quietly)
    await broker.publish(to('q', 'a'))
    await inbox.waitFor(1)
    const [tag = ''] = (await lab.run('HKEYS', 'unacked')) as string[]
    const [held = ''] = (await lab.run('KEYS', 'celeriac.held.*')) as string[]
    const record = String(await lab.run('HGET', 'unacked', tag))
    await inbox.acknowledgeAll()
    await lab.allDone()
    // as a replica has it that was not told in time
    await lab.run('HSET', 'unacked', tag, record)
    await lab.run('ZADD', 'unacked_index', String(Date.now() / 1000), tag)
    await lab.run('SADD', held, tag)
    await lab.run('CLIENT', 'KILL', 'TYPE', 'normal')
    await inbox.waitFor(2)
    await inbox.acknowledgeAll()
    await lab.allDone()
  })

  it('goes on when somebody flushed the server', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.broker()
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, quietly)
    await broker.publish(to('q', 'flushed'))
    await inbox.waitFor(1)
    await lab.run('FLUSHALL')
    await broker.publish(to('q', 'next'))
    await inbox.waitFor(2)
    assert.equal(inbox.at(0).isLost, true)
    await inbox.acknowledgeAll()
    await lab.allDone()
  })

  it('keeps what is deferred, lent and waiting over a restart', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.broker()
    await broker.publish([{ queue: 'q', message: text('later'), deliverAt: inMs(1000) }])
    await broker.publish(to('q', 'lent', 'waiting'))
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { ...quietly, prefetch: 1 })
    await inbox.waitFor(1)
    await lab.redis.restart()
    await inbox.acknowledgeAll()
    await inbox.waitFor(2)
    await inbox.acknowledgeAll()
    await inbox.waitFor(3)
    await inbox.acknowledgeAll()
    assert.deepEqual(inbox.bodies.toSorted(), ['later', 'lent', 'waiting'])
    await lab.allDone()
  })
})
