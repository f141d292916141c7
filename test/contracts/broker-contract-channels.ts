import assert from 'node:assert/strict'
import { OperationalError } from '../../src/errors.ts'
import type { Message } from '../../src/protocol/message.ts'
import { type DefineBroker, Inbox, numbered, text, to } from './broker-contract-tools.ts'
import { sleep, uncaughtDuring, until } from './contract.ts'

class Ear {
  readonly heard: unknown[] = []
  readonly onMessage = (message: Message): void => {
    this.heard.push(message.body)
  }

  async hears(...bodies: readonly string[]): Promise<void> {
    await until(
      () => this.heard.length >= bodies.length,
      () => `${bodies.length} messages, heard ${this.heard.length}`,
    )
    assert.deepEqual(this.heard, bodies)
  }
}

export function defineChannelTests(it: DefineBroker): void {
  it('tells every listener of a channel, also on another connection', async ({ broker, reopen }) => {
    await using other = await reopen()
    const [one, two, three] = [new Ear(), new Ear(), new Ear()]
    await broker.listen('events', one.onMessage)
    await broker.listen('events', two.onMessage)
    await other.listen('events', three.onMessage)
    await broker.broadcast(text('a'), 'events')
    await other.broadcast(text('b'), 'events')
    for (const ear of [one, two, three]) await ear.hears('a', 'b')
  })

  it('knows whether anybody listens', async ({ broker, reopen }) => {
    if (!broker.isHeard) return
    await using other = await reopen()
    const isHeard = async (): Promise<boolean | undefined> => broker.isHeard?.('events')
    const listening = await other.listen('events', () => undefined)
    assert.equal(await isHeard(), true)
    await listening[Symbol.asyncDispose]()
    // Where a server is shared, others may listen to channels of their own.
    assert.equal(typeof (await isHeard()), 'boolean')
  })

  it('tells how many a question of remote control went to', async ({ broker, reopen }) => {
    await using other = await reopen()
    assert.deepEqual(await broker.broadcast(text('who is there?'), 'control'), { here: 0, elsewhere: 0 })
    for (const each of [broker, broker, other]) await each.listen('control', () => undefined)
    const { here = 0, elsewhere = 0 } = (await broker.broadcast(text('and now?'), 'control')) ?? {}
    assert.equal(here + elsewhere, 3)
    assert.ok(here >= 2)
  })

  it('broadcasts a message as it is', async ({ broker }) => {
    const heard: Message[] = []
    const body = new Uint8Array([0, 255])
    const message: Message = { ...text(''), headers: { a: { b: [2n ** 70n] } }, contentEncoding: 'binary', body }
    await broker.listen('control', (arrived) => heard.push(arrived))
    await broker.broadcast(message, 'control')
    await until(
      () => heard.length > 0,
      () => 'the message',
    )
    const [arrived] = heard
    assert.ok(arrived)
    assert.deepEqual(arrived.headers, message.headers)
    assert.ok(arrived.body instanceof Uint8Array)
    assert.deepEqual([...arrived.body], [0, 255])
  })

  it('keeps channels apart, those for replies too', async ({ broker }) => {
    const [events, control, mine, yours] = [new Ear(), new Ear(), new Ear(), new Ear()]
    await broker.listen('events', events.onMessage)
    await broker.listen('control', control.onMessage)
    await broker.listen('reply:1', mine.onMessage)
    await broker.listen('reply:2', yours.onMessage)
    await broker.broadcast(text('e'), 'events')
    await broker.broadcast(text('c'), 'control')
    await broker.broadcast(text('1'), 'reply:1')
    await broker.broadcast(text('2'), 'reply:2')
    await events.hears('e')
    await control.hears('c')
    await mine.hears('1')
    await yours.hears('2')
  })

  it('keeps the order of what is broadcast', async ({ broker }) => {
    const ear = new Ear()
    await broker.listen('events', ear.onMessage)
    await Promise.all(numbered(300).map((body) => broker.broadcast(text(body), 'events')))
    await ear.hears(...numbered(300))
  })

  it('does not mind that nobody listens, and does not repeat it to those who come later', async ({ broker }) => {
    const ear = new Ear()
    await broker.broadcast(text('missed'), 'events')
    await broker.listen('events', ear.onMessage)
    await broker.broadcast(text('heard'), 'events')
    await ear.hears('heard')
    await sleep(50)
    await ear.hears('heard')
  })

  it('tells late listeners what is retained, oldest first and before what comes', async ({ broker, reopen }) => {
    await using other = await reopen()
    const [early, late] = [new Ear(), new Ear()]
    await broker.listen('control', early.onMessage)
    await broker.broadcast(text('a'), 'control', { retainMs: 60_000 })
    await broker.broadcast(text('not kept'), 'control')
    await broker.broadcast(text('b'), 'control', { retainMs: 60_000 })
    await broker.broadcast(text('elsewhere'), 'events', { retainMs: 60_000 })
    await early.hears('a', 'not kept', 'b')
    await other.listen('control', late.onMessage)
    await broker.broadcast(text('c'), 'control')
    await late.hears('a', 'b', 'c')
    await sleep(50)
    await early.hears('a', 'not kept', 'b', 'c')
  })

  it('forgets what is retained after its time', async ({ broker }) => {
    const ear = new Ear()
    await broker.broadcast(text('short'), 'control', { retainMs: 20 })
    await broker.broadcast(text('long'), 'control', { retainMs: 60_000 })
    await sleep(60)
    await broker.listen('control', ear.onMessage)
    await ear.hears('long')
    await sleep(30)
    await ear.hears('long')
  })

  it('stops telling a listener that is disposed of, and goes on with the others', async ({ broker }) => {
    const [gone, stays] = [new Ear(), new Ear()]
    const listener = await broker.listen('events', gone.onMessage)
    await broker.listen('events', stays.onMessage)
    await broker.broadcast(text('a'), 'events')
    await gone.hears('a')
    await listener[Symbol.asyncDispose]()
    await listener[Symbol.asyncDispose]()
    await broker.broadcast(text('b'), 'events')
    await stays.hears('a', 'b')
    await sleep(30)
    await gone.hears('a')
  })

  it('tells a listener nothing once its disposal is done', async ({ broker }) => {
    const ear = new Ear()
    const listener = await broker.listen('events', ear.onMessage)
    const sent = numbered(20).map((body) => broker.broadcast(text(body), 'events'))
    await listener[Symbol.asyncDispose]()
    const count = ear.heard.length
    await Promise.all(sent)
    await sleep(30)
    assert.equal(ear.heard.length, count)
  })

  it('lets the error of a listener surface and tells the others', async ({ broker }) => {
    const ear = new Ear()
    await broker.listen('events', () => {
      throw new Error('a bug in the listener')
    })
    await broker.listen('events', ear.onMessage)
    const errors = await uncaughtDuring(2, async () => {
      await broker.broadcast(text('a'), 'events')
      await broker.broadcast(text('b'), 'events')
    })
    await ear.hears('a', 'b')
    assert.match(String(errors[0]), /a bug in the listener/)
  })
}

export function defineLifeTests(it: DefineBroker): void {
  it('gives back what its subscriptions hold when the broker is disposed of', async ({ broker, reopen }) => {
    const inbox = new Inbox()
    const other = await reopen()
    await broker.publish(to('q', 'a', 'b', 'c'))
    await other.subscribe(['q'], inbox.onDeliveries, { prefetch: 2 })
    await inbox.waitFor(2)
    assert.equal(await broker.count('q'), 1)
    await other[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
    assert.equal(await broker.count('q'), 3)
    await inbox.staysAt(2)
  })

  it('refuses to work after it was disposed of', async ({ reopen }) => {
    const broker = await reopen()
    await broker[Symbol.asyncDispose]()
    await assert.rejects(broker.publish(to('q', 'a')), OperationalError)
    await assert.rejects(
      broker.subscribe(['q'], () => {}, { prefetch: 1 }),
      OperationalError,
    )
    await assert.rejects(broker.broadcast(text('a'), 'events'), OperationalError)
    await assert.rejects(
      broker.listen('events', () => {}),
      OperationalError,
    )
    await assert.rejects(broker.count('q'), OperationalError)
    await assert.rejects(broker.purge('q'), OperationalError)
  })

  it('keeps what was published before it was disposed of', async ({ broker, reopen }) => {
    const other = await reopen()
    const published = other.publish(to('q', 'a'))
    await Promise.all([published, other[Symbol.asyncDispose]()])
    assert.equal(await broker.count('q'), 1)
  })
}
