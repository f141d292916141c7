import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Delivery } from '../../src/brokers/broker.ts'
import { LoanLost } from '../../src/errors.ts'
import type { Message } from '../../src/protocol/message.ts'
import { drain, Inbox, inMs, text, to } from './broker-contract-tools.ts'
import { until } from './contract.ts'
import { Lab } from './sqlite-broker-processes.ts'

describe('sqlite broker: time and loss', () => {
  it('delivers a deferred message at its time and not before', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    const arrivals: number[] = []
    const note = (deliveries: readonly Delivery[]): void => {
      for (const delivery of deliveries) {
        arrivals.push(Date.now() - Number(delivery.message.headers['due']))
        void delivery.acknowledge()
      }
    }
    await broker.subscribe(['q'], note, { prefetch: 10 })
    for (const delayMs of [40, 90, 150]) {
      const deliverAt = inMs(delayMs)
      await broker.publish([{ queue: 'q', deliverAt, message: text('m', { headers: { due: deliverAt.getTime() } }) }])
    }
    await until(
      () => arrivals.length === 3,
      () => `3 arrivals, got ${arrivals.length}`,
    )
    assert.ok(
      arrivals.every((lateMs) => lateMs >= 0),
      `early: ${arrivals.join(', ')}`,
    )
  })

  it('aborts the signals and forgets the settlements of loans that were taken away', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker({ leaseSeconds: 0.5 })
    await broker.publish(to('q', 'a', 'b'))
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
    await inbox.waitFor(2)
    const { lost } = inbox.at(0)
    lab.forgetOwners()
    await until(
      () => lost.aborted,
      () => 'the signal',
    )
    await inbox.at(0).acknowledge()
    assert.ok(inbox.at(1).lost.aborted)
    assert.ok(lost.reason instanceof LoanLost)
    await inbox.waitFor(4)
    assert.deepEqual(inbox.bodies, ['a', 'b', 'a', 'b'])
  })

  it('puts a row that cannot be read among the dead letters, with all it holds', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    await broker.publish(to('q', 'a', 'b'))
    lab.run(`UPDATE message SET envelope = '{"oops' WHERE body = 'a'`)
    const deliveries = await drain(broker, 'q', 1)
    assert.deepEqual(
      deliveries.map(({ message }) => message.body),
      ['b'],
    )
    await until(
      async () => (await broker.count('q.dead')) === 1,
      () => 'the dead letter',
    )
    const [dead] = await broker.peek('q.dead', { offset: 0, limit: 1 })
    assert.equal(dead?.body, 'a')
    assert.equal(dead.headers['x-celeriac-envelope'], '{"oops')
    assert.match(JSON.stringify(dead.headers['x-celeriac-death']), /Unreadable row/)
  })

  it('never uses an id twice, so that a stale loan cannot return the message of another', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    const ids = new Set<string>()
    for (let round = 0; round < 3; round++) {
      await broker.publish(to('q', `${round}`, `${round}x`))
      for (const id of lab.ids()) assert.ok(!ids.has(id), `id ${id} was used before`)
      for (const id of lab.ids()) ids.add(id)
      if (round === 1) await broker.purge('q')
      else await drain(broker, 'q', 2)
    }
    assert.equal(ids.size, 6)
  })

  it('does not look for ever for messages that somebody deleted from the file', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    await broker.publish(to('q', 'a', 'b', 'c'))
    lab.run(`DELETE FROM message WHERE body IN ('a', 'b')`)
    const deliveries = await drain(broker, 'q', 1)
    assert.equal(deliveries[0]?.message.body, 'c')
    assert.equal(await broker.count('q'), 0)
  })

  it('hands out nothing any more once it is being disposed of', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    await broker.publish(to('q', 'a'))
    const inbox = new Inbox()
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await subscription[Symbol.asyncDispose]()
    assert.deepEqual(inbox.bodies, [])
    const [delivery] = await drain(broker, 'q', 1)
    assert.equal(delivery?.deliveryCount, 1)
  })

  it('keeps bodies and headers that SQLite or JSON could spoil', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    const bodies = ['lone \uD800 surrogate', 'zero \0 character', '', new Uint8Array([0, 255, 128]), 'grüße \u{1F955}']
    const headers = { big: 2n ** 70n, none: Number.NaN, nested: { list: [1, null, 'x'] } }
    await broker.publish(bodies.map((body) => ({ queue: 'q', message: { ...text(''), headers, body } })))
    const deliveries = await drain(broker, 'q', bodies.length)
    assert.deepEqual(
      deliveries.map(({ message }) => message.body),
      bodies,
    )
    assert.deepEqual(deliveries[0]?.message.headers, headers)
  })

  it('refuses a message that cannot be written, and writes what else was asked for in that turn', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    const odd = { ...text('a'), body: undefined } as unknown as Message
    const results = await Promise.allSettled([
      broker.publish(to('q', 'a')),
      broker.publish([{ queue: 'q', message: odd }]),
      broker.publish([...to('q', 'b'), { queue: 'q', message: text('c', { headers: { f: () => {} } }) }]),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    )
    assert.equal(await broker.count('q'), 1)
  })

  it('settles again what could not be settled while the file was locked', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker({ busyDeadlineSeconds: 0.05 })
    await broker.publish(to('q', 'a'))
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    const unlock = lab.lock()
    await assert.rejects(inbox.at(0).acknowledge(), /locked by another process/)
    await assert.rejects(broker.publish(to('q', 'b')), /locked by another process/)
    unlock()
    await inbox.at(0).acknowledge()
    assert.deepEqual(await broker.queues(), [])
  })
})
