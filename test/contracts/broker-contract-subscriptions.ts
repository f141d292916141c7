import assert from 'node:assert/strict'
import type { Delivery } from '../../src/brokers/broker.ts'
import { LoanLost } from '../../src/errors.ts'
import { type DefineBroker, Inbox, numbered, text, to } from './broker-contract-tools.ts'
import { uncaughtDuring, until } from './contract.ts'

export function defineSubscriptionTests(it: DefineBroker): void {
  it('waits for the first message of a queue that nobody knows yet', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.subscribe(['new'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.staysAt(0, 30)
    await broker.publish(to('new', 'a'))
    await inbox.waitFor(1)
    assert.equal(inbox.at(0).deliveryCount, 1)
  })

  it('says when the store answered last, also with empty queues and with a full window', async ({ broker }) => {
    const startMs = Date.now()
    const inbox = new Inbox()
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    const isRecent = (): boolean => subscription.claimedAtMs >= startMs && subscription.claimedAtMs <= Date.now()
    await until(isRecent, () => `an answer, the last was at ${subscription.claimedAtMs - startMs} ms`)
    await broker.publish(to('q', 'a', 'b'))
    await inbox.waitFor(1)
    assert.ok(Date.now() - subscription.claimedAtMs < 100)
  })

  it('never lends more than the prefetch', async ({ broker }) => {
    const bodies = numbered(200)
    await broker.publish(to('q', ...bodies))
    const inbox = new Inbox()
    let most = 0
    const count = (deliveries: readonly Delivery[]): void => {
      inbox.onDeliveries(deliveries)
      most = Math.max(most, inbox.held.size)
    }
    await broker.subscribe(['q'], count, { prefetch: 7 })
    await inbox.staysAt(7)
    while (inbox.deliveries.length < 200) {
      const before = inbox.deliveries.length
      const [first] = inbox.held
      if (first) await inbox.acknowledge(first)
      await inbox.waitFor(before + 1)
    }
    assert.equal(most, 7)
    assert.deepEqual(inbox.bodies, bodies)
  })

  it('follows a prefetch that is raised and lowered', async ({ broker }) => {
    await broker.publish(to('q', ...numbered(30)))
    const inbox = new Inbox()
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
    await inbox.staysAt(2)
    await subscription.setPrefetch(5)
    await inbox.staysAt(5)
    await subscription.setPrefetch(1)
    for (const delivery of inbox.deliveries.slice(0, 4)) await inbox.acknowledge(delivery)
    await inbox.staysAt(5)
    await inbox.acknowledge(inbox.at(4))
    await inbox.staysAt(6)
  })

  it('gives a message to one of two subscribers only', async ({ broker, reopen }) => {
    await using other = await reopen()
    const bodies = numbered(400)
    const inboxes = [new Inbox({ settles: true }), new Inbox({ settles: true }), new Inbox({ settles: true })] as const
    await broker.subscribe(['q'], inboxes[0].onDeliveries, { prefetch: 5 })
    await broker.subscribe(['q'], inboxes[1].onDeliveries, { prefetch: 5 })
    await other.subscribe(['q'], inboxes[2].onDeliveries, { prefetch: 5 })
    for (let from = 0; from < 400; from += 40) await broker.publish(to('q', ...bodies.slice(from, from + 40)))
    const all = (): string[] => inboxes.flatMap((inbox) => inbox.bodies)
    await until(
      () => all().length >= 400,
      () => `400 deliveries, got ${all().length}`,
    )
    await inboxes[0].staysAt(inboxes[0].deliveries.length)
    assert.deepEqual(all().toSorted(), bodies)
  })

  it('lets two subscribers with a window of one hold one each', async ({ broker, reopen }) => {
    await using other = await reopen()
    await broker.publish(to('q', 'a', 'b', 'c'))
    const [one, two] = [new Inbox(), new Inbox()]
    await broker.subscribe(['q'], one.onDeliveries, { prefetch: 1 })
    await other.subscribe(['q'], two.onDeliveries, { prefetch: 1 })
    await one.staysAt(1)
    await two.staysAt(1)
    assert.deepEqual([...one.bodies, ...two.bodies].toSorted(), ['a', 'b'])
  })

  it('adds a queue to a running subscription, once', async ({ broker }) => {
    const inbox = new Inbox({ settles: true })
    const subscription = await broker.subscribe(['a'], inbox.onDeliveries, { prefetch: 5 })
    await broker.publish([...to('b', '1'), ...to('b', '2')])
    await inbox.staysAt(0)
    await subscription.add('b')
    await subscription.add('b')
    await inbox.waitFor(2)
    await broker.publish(to('b', '3'))
    await inbox.staysAt(3)
  })

  it('starts without a queue and takes those that are added', async ({ broker }) => {
    const inbox = new Inbox({ settles: true })
    const subscription = await broker.subscribe([], inbox.onDeliveries, { prefetch: 5 })
    await subscription.add('a')
    await broker.publish(to('a', '1'))
    await inbox.waitFor(1)
  })

  it('cancels one queue and leaves what is lent lent', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('a', '1'))
    const subscription = await broker.subscribe(['a', 'b'], inbox.onDeliveries, { prefetch: 5 })
    await inbox.waitFor(1)
    await subscription.cancel('a')
    await subscription.cancel('nobody')
    await broker.publish([...to('a', '2'), ...to('b', '3')])
    await inbox.waitFor(2)
    await inbox.staysAt(2)
    assert.deepEqual(inbox.bodies, ['1', '3'])
    assert.equal(inbox.at(0).lost.aborted, false)
    await inbox.acknowledgeAll()
    assert.equal(await broker.count('a'), 1)
  })

  it('pauses: nothing more is delivered, what is lent can be settled', async ({ broker, reopen }) => {
    await using other = await reopen()
    const [inbox, second] = [new Inbox(), new Inbox()]
    await broker.publish(to('q', 'a', 'b', 'c'))
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
    await inbox.waitFor(2)
    await subscription.pause()
    await subscription.pause()
    await inbox.acknowledge(inbox.at(0))
    await broker.publish(to('q', 'd'))
    await inbox.staysAt(2)
    assert.equal(inbox.at(1).lost.aborted, false)
    await other.subscribe(['q'], second.onDeliveries, { prefetch: 5 })
    await second.staysAt(2)
    assert.deepEqual(second.bodies, ['c', 'd'])
    await inbox.acknowledge(inbox.at(1))
  })

  it('gives back what is lent when it is disposed of: uncounted, at its old place', async ({ broker, reopen }) => {
    await using other = await reopen()
    const [first, second] = [new Inbox(), new Inbox()]
    await broker.publish(
      ['a', 'b', 'c', 'd', 'high'].map((body) => ({
        queue: 'q',
        message: text(body, { priority: body === 'high' ? 9 : 1 }),
      })),
    )
    const subscription = await broker.subscribe(['q'], first.onDeliveries, { prefetch: 3 })
    await first.waitFor(3)
    await subscription[Symbol.asyncDispose]()
    assert.equal(await broker.count('q'), 5)
    await other.subscribe(['q'], second.onDeliveries, { prefetch: 10 })
    await second.staysAt(5)
    assert.deepEqual(second.bodies, ['high', 'a', 'b', 'c', 'd'])
    assert.deepEqual(
      second.deliveries.map((delivery) => delivery.deliveryCount),
      [1, 1, 1, 1, 1],
    )
  })

  it('tells the holder of a loan that it is over when the subscription ends', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a', 'b'))
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
    await inbox.waitFor(2)
    const asked = inbox.at(0).lost
    assert.equal(asked.aborted, false)
    await subscription[Symbol.asyncDispose]()
    assert.ok(asked.reason instanceof LoanLost)
    assert.equal(inbox.at(1).lost.aborted, true, 'also when it is asked for later')
  })

  it('takes no settlement of a loan that is over', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a', 'b', 'c', 'd'))
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 4 })
    await inbox.waitFor(4)
    await subscription[Symbol.asyncDispose]()
    await inbox.at(0).acknowledge(to('next', 'x'))
    await inbox.at(1).reject({ requeue: false, reason: 'late' })
    await inbox.at(2).reject({ requeue: true })
    await inbox.at(3).defer(new Date(Date.now() + 60_000))
    assert.deepEqual([await broker.count('q'), await broker.count('q.dead'), await broker.count('next')], [4, 0, 0])
    const second = new Inbox()
    await broker.subscribe(['q'], second.onDeliveries, { prefetch: 10 })
    await second.staysAt(4)
    assert.deepEqual(second.bodies, ['a', 'b', 'c', 'd'])
  })

  it('may be disposed of twice, also while it delivers', async ({ broker }) => {
    await broker.publish(to('q', ...numbered(50)))
    const inbox = new Inbox()
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await Promise.all([subscription[Symbol.asyncDispose](), subscription[Symbol.asyncDispose]()])
    await subscription[Symbol.asyncDispose]()
    await inbox.staysAt(1)
    assert.equal(await broker.count('q'), 50)
  })

  it('keeps what it gave to a callback that throws on loan, lets the error surface and goes on', async ({ broker }) => {
    const inbox = new Inbox()
    const throws = (deliveries: readonly Delivery[]): void => {
      inbox.onDeliveries(deliveries)
      if (inbox.deliveries.length === 1) throw new Error('a bug in the callback')
    }
    const subscription = await broker.subscribe(['q'], throws, { prefetch: 10 })
    const errors = await uncaughtDuring(1, async () => {
      await broker.publish(to('q', 'a'))
      await inbox.waitFor(1)
    })
    assert.match(String(errors[0]), /a bug in the callback/)
    await broker.publish(to('q', 'b'))
    await inbox.staysAt(2)
    assert.equal(await broker.count('q'), 0)
    await subscription[Symbol.asyncDispose]()
    assert.equal(await broker.count('q'), 2)
  })
}
