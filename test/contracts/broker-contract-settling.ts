import assert from 'node:assert/strict'
import { type Death, deathHeader } from '../../src/protocol/message.ts'
import { type DefineBroker, drain, inMs, Inbox, text, to } from './broker-contract-tools.ts'

export function defineSettlingTests(it: DefineBroker): void {
  it('removes what is acknowledged', async ({ broker, reopen }) => {
    await using other = await reopen()
    const inbox = new Inbox()
    await broker.publish(to('q', 'a', 'b'))
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
    await inbox.waitFor(2)
    await inbox.acknowledge(inbox.at(0))
    await subscription[Symbol.asyncDispose]()
    const second = new Inbox()
    await other.subscribe(['q'], second.onDeliveries, { prefetch: 2 })
    await second.staysAt(1)
    assert.deepEqual(second.bodies, ['b'])
  })

  it('settles once: what comes after has no effect', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a', 'b', 'c'))
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 3 })
    await inbox.waitFor(3)
    const [a, b, c] = [inbox.at(0), inbox.at(1), inbox.at(2)]
    await Promise.all([a.acknowledge(), a.acknowledge(to('next', 'x'))])
    await a.reject({ requeue: true })
    await a.reject({ requeue: false, reason: 'late' })
    await a.defer(inMs(1))
    await b.reject({ requeue: false, reason: 'bad' })
    await b.reject({ requeue: false, reason: 'worse' })
    await b.acknowledge(to('next', 'y'))
    await c.defer(inMs(60_000))
    await c.acknowledge(to('next', 'z'))
    await subscription[Symbol.asyncDispose]()
    await inbox.staysAt(3)
    assert.deepEqual([await broker.count('q'), await broker.count('q.dead'), await broker.count('next')], [1, 1, 0])
  })

  it('makes room in the window with every way to settle', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a', 'b', 'c', 'd'))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.staysAt(1, 50)
    await inbox.at(0).defer(inMs(60_000))
    await inbox.waitFor(2)
    await inbox.at(1).reject({ requeue: false, reason: 'bad' })
    await inbox.waitFor(3)
    await inbox.at(2).acknowledge()
    await inbox.waitFor(4)
    assert.deepEqual(inbox.bodies, ['a', 'b', 'c', 'd'])
  })

  it('brings back what was rejected with requeue, and counts', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish([{ queue: 'q', message: text('a', { priority: 3, headers: { n: 1 } }) }])
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    for (const count of [1, 2, 3]) {
      await inbox.waitFor(count)
      assert.equal(inbox.at(-1).deliveryCount, count)
      assert.deepEqual(inbox.at(-1).message, text('a', { priority: 3, headers: { n: 1 } }))
      await inbox.at(-1).reject({ requeue: true })
    }
  })

  it('keeps a dead letter with the reason', async ({ broker }) => {
    const inbox = new Inbox()
    const message = text('a', { priority: 3, headers: { id: 'a', deep: { n: [1] } } })
    await broker.publish([{ queue: 'q', message }])
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await inbox.at(0).reject({ requeue: true })
    await inbox.waitFor(2)
    const before = Date.now()
    await inbox.at(1).reject({ requeue: false, reason: 'cannot be decoded: “x”' })
    await inbox.staysAt(2)
    assert.deepEqual([await broker.count('q'), await broker.count('q.dead')], [0, 1])
    const [letter] = await drain(broker, 'q.dead', 1)
    const { [deathHeader]: death, ...headers } = letter?.message.headers ?? {}
    const { at, ...rest } = death as Death
    assert.deepEqual(rest, { reason: 'cannot be decoded: “x”', queue: 'q', deliveries: 2 })
    assert.match(at, /^\d{4}-\d\d-\d\dT.*(Z|\+00:00)$/)
    assert.ok(Math.abs(Date.parse(at) - before) < 10_000, at)
    assert.deepEqual({ ...letter?.message, headers }, message)
    assert.equal(letter?.deliveryCount, 1)
  })

  it('lets dead letters be published again', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a'))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await inbox.at(0).reject({ requeue: false, reason: 'bad' })
    const dead = new Inbox()
    await broker.subscribe(['q.dead'], dead.onDeliveries, { prefetch: 1 })
    await dead.waitFor(1)
    await dead.at(0).acknowledge([{ queue: 'q', message: text('a') }])
    await inbox.waitFor(2)
    assert.equal(inbox.at(1).deliveryCount, 1)
    assert.equal(await broker.count('q.dead'), 0)
  })

  it('publishes the successors of what is acknowledged', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a'))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await inbox
      .at(0)
      .acknowledge([
        ...to('next', 'b', 'c'),
        { queue: 'q', message: text('soon'), deliverAt: inMs(80) },
        { queue: 'later', message: text('later'), deliverAt: inMs(60_000) },
      ])
    assert.deepEqual([await broker.count('next'), await broker.count('later')], [2, 1])
    await inbox.waitFor(2)
    assert.deepEqual(inbox.bodies, ['a', 'soon'])
    await inbox.at(1).acknowledge([])
    assert.deepEqual(
      (await drain(broker, 'next', 2)).map((delivery) => delivery.message.body),
      ['b', 'c'],
    )
  })

  it('settles many of one turn', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(Array.from({ length: 500 }, (_, n) => ({ queue: 'q', message: text(String(n)) })))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 500 })
    await inbox.waitFor(500)
    await Promise.all(inbox.deliveries.map((delivery) => delivery.acknowledge()))
    await inbox.staysAt(500)
    assert.equal(await broker.count('q'), 0)
  })
}
