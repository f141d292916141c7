import assert from 'node:assert/strict'
import type { Message } from '../../src/protocol/message.ts'
import { type DefineBroker, drain, inMs, Inbox, numbered, peek, text, to } from './broker-contract-tools.ts'
import { sleep, until } from './contract.ts'

const monthMs = 30 * 86_400_000

export function defineDeferralTests(it: DefineBroker): void {
  it('delivers at the time that was asked for, not before', async ({ broker }) => {
    const inbox = new Inbox()
    let arrivedAt = 0
    await broker.subscribe(
      ['q'],
      (deliveries) => {
        arrivedAt = Date.now()
        inbox.onDeliveries(deliveries)
      },
      { prefetch: 5 },
    )
    const deliverAt = inMs(150)
    await broker.publish([{ queue: 'q', message: text('a'), deliverAt }])
    await inbox.waitFor(1)
    assert.ok(arrivedAt >= deliverAt.getTime(), `${arrivedAt - deliverAt.getTime()} ms too early`)
    assert.equal(inbox.at(0).deliveryCount, 1)
  })

  it('delivers nothing before its time while other messages come and go', async ({ broker }) => {
    const early: string[] = []
    const inbox = new Inbox()
    await broker.subscribe(
      ['q'],
      (deliveries) => {
        for (const { message } of deliveries)
          if (Date.now() < Number(message.headers['due'])) early.push(String(message.body))
        inbox.onDeliveries(deliveries)
        inbox.acknowledgeAll().catch((error: unknown) => assert.fail(String(error)))
      },
      { prefetch: 5 },
    )
    const deferred = numbered(20).map((body, index) => {
      const deliverAt = inMs(20 + index * 8)
      return { queue: 'q', message: text(body, { headers: { due: deliverAt.getTime() } }), deliverAt }
    })
    await broker.publish(deferred)
    for (let count = 0; count < 40; count++) {
      await broker.publish(to('q', `now ${count}`))
      await sleep(4)
    }
    await inbox.waitFor(60)
    assert.deepEqual(early, [])
  })

  it('delivers at once what was due before', async ({ broker }) => {
    const past = [new Date(0), inMs(-1), new Date(-1)]
    await broker.publish(past.map((deliverAt) => ({ queue: 'q', message: text('a'), deliverAt })))
    assert.equal((await drain(broker, 'q', 3)).length, 3)
  })

  it('keeps what is due in a month or in a thousand years', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 5 })
    await broker.publish([
      { queue: 'q', message: text('month'), deliverAt: inMs(monthMs) },
      { queue: 'q', message: text('age'), deliverAt: new Date('3026-01-01') },
      { queue: 'q', message: text('end'), deliverAt: new Date(8.64e15) },
    ])
    await inbox.staysAt(0)
    assert.equal(await broker.count('q'), 3)
  })

  it('delivers what is due sooner than what was deferred before it', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 5 })
    await broker.publish([{ queue: 'q', message: text('far'), deliverAt: inMs(monthMs) }])
    await broker.publish([{ queue: 'q', message: text('second'), deliverAt: inMs(160) }])
    await broker.publish([{ queue: 'q', message: text('first'), deliverAt: inMs(60) }])
    await inbox.waitFor(2)
    assert.deepEqual(inbox.bodies, ['first', 'second'])
  })

  it('delivers what another connection deferred', async ({ broker, reopen }) => {
    await using other = await reopen()
    const inbox = new Inbox()
    await other.subscribe(['q'], inbox.onDeliveries, { prefetch: 5 })
    await broker.publish([{ queue: 'q', message: text('a'), deliverAt: inMs(100) }])
    await inbox.waitFor(1)
  })

  it('delivers many that are due at the same time, once each', async ({ broker }) => {
    const deliverAt = inMs(100)
    const inbox = new Inbox({ settles: true })
    await broker.publish(numbered(1000).map((body) => ({ queue: 'q', message: text(body), deliverAt })))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 50 })
    await inbox.staysAt(1000)
    assert.deepEqual(inbox.bodies, numbered(1000))
  })

  it('takes a message back until a time, uncounted', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a'))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    const dueAt = inMs(150)
    await inbox.at(0).defer(dueAt)
    assert.equal(await broker.count('q'), 1)
    await inbox.waitFor(2)
    assert.ok(Date.now() >= dueAt.getTime())
    assert.equal(inbox.at(1).deliveryCount, 1)
    await inbox.at(1).defer(inMs(monthMs))
    await inbox.staysAt(2)
    assert.equal(await broker.count('q'), 1)
  })

  it('gives a message back unused when it is deferred to the past', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a'))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await inbox.at(0).defer(new Date(0))
    await inbox.waitFor(2)
    assert.equal(inbox.at(1).deliveryCount, 1)
  })
}

export function defineCountingTests(it: DefineBroker): void {
  it('counts what waits, ready or deferred, and not what is lent', async ({ broker }) => {
    const inbox = new Inbox()
    assert.equal(await broker.count('q'), 0)
    await broker.publish([...to('q', 'a', 'b', 'c'), { queue: 'q', message: text('d'), deliverAt: inMs(60_000) }])
    assert.equal(await broker.count('q'), 4)
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
    await inbox.waitFor(2)
    assert.equal(await broker.count('q'), 2)
    assert.equal(await broker.count('other'), 0)
  })

  it('purges what waits and leaves what is lent', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish([...to('q', 'a', 'b', 'c'), { queue: 'q', message: text('d'), deliverAt: inMs(60_000) }])
    await broker.publish(to('other', 'x'))
    const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    assert.equal(await broker.purge('q'), 3)
    assert.equal(await broker.purge('q'), 0)
    assert.equal(await broker.purge('unknown'), 0)
    assert.deepEqual([await broker.count('q'), await broker.count('other')], [0, 1])
    await subscription[Symbol.asyncDispose]()
    assert.equal(await broker.count('q'), 1)
  })

  it('goes on after a purge', async ({ broker }) => {
    await broker.publish(to('q', 'a'))
    await broker.purge('q')
    await broker.publish(to('q', 'b'))
    assert.equal((await drain(broker, 'q', 1))[0]?.message.body, 'b')
  })

  it('shows what waits in the order of delivery, page by page, without taking it', async ({ broker }) => {
    await broker.publish([
      { queue: 'q', message: text('later'), deliverAt: inMs(120_000) },
      { queue: 'q', message: text('soon'), deliverAt: inMs(60_000) },
      { queue: 'q', message: text('a', { priority: 1 }) },
      { queue: 'q', message: text('b', { priority: 1 }) },
      { queue: 'q', message: text('high', { priority: 9 }) },
    ])
    const bodies = (messages: readonly Message[]): unknown[] => messages.map((message) => message.body)
    assert.deepEqual(bodies(await peek(broker, 'q', 0, 100)), ['high', 'a', 'b', 'soon', 'later'])
    assert.deepEqual(bodies(await peek(broker, 'q', 1, 2)), ['a', 'b'])
    assert.deepEqual(bodies(await peek(broker, 'q', 4, 2)), ['later'])
    assert.deepEqual(await peek(broker, 'q', 5, 2), [])
    assert.deepEqual(await peek(broker, 'unknown', 0, 2), [])
    assert.equal(await broker.count('q'), 5)
    assert.deepEqual((await drain(broker, 'q', 3))[0]?.message, text('high', { priority: 9 }))
  })

  it('shows what is deferred alone, once a subscriber has looked at it', async ({ broker }) => {
    await broker.publish([
      { queue: 'q', message: text('later'), deliverAt: inMs(120_000) },
      { queue: 'q', message: text('soon'), deliverAt: inMs(60_000) },
      ...to('q', 'a', 'b'),
    ])
    await drain(broker, 'q', 1)
    const deferred = async (offset: number, limit: number): Promise<unknown[]> =>
      ((await broker.peek?.('q', { offset, limit, only: 'deferred' })) ?? []).map((message) => message.body)
    await until(
      async () => (await deferred(0, 9)).length === 2,
      () => 'both to be deferred',
    )
    assert.deepEqual([await deferred(0, 1), await deferred(1, 9), await deferred(2, 9)], [['soon'], ['later'], []])
  })

  it('does not show what is lent', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a', 'b'))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    assert.deepEqual(await peek(broker, 'q', 0, 9), [text('b')])
  })

  it('names the queues that hold messages', async ({ broker }) => {
    const names = async (): Promise<string[]> => (await broker.queues?.()) ?? ['the broker cannot know']
    assert.deepEqual(await names(), [])
    await broker.publish([
      ...to('a', '1'),
      ...to('b', '2'),
      { queue: 'c', message: text('3'), deliverAt: inMs(60_000) },
    ])
    assert.deepEqual((await names()).toSorted(), ['a', 'b', 'c'])
    const inbox = new Inbox()
    await broker.subscribe(['a', 'empty'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await inbox.at(0).reject({ requeue: true })
    await inbox.waitFor(2)
    await inbox.at(1).acknowledge()
    await broker.purge('c')
    await until(
      async () => (await names()).length === 1,
      () => 'the empty queues to be gone',
    )
    assert.deepEqual(await names(), ['b'])
  })
}
