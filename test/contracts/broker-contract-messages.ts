import assert from 'node:assert/strict'
import type { Message } from '../../src/protocol/message.ts'
import { type DefineBroker, drain, Inbox, numbered, text, to } from './broker-contract-tools.ts'

export function defineMessageTests(it: DefineBroker): void {
  async function travels(broker: Parameters<typeof drain>[0], message: Message): Promise<Message> {
    await broker.publish([{ queue: 'q', message }])
    const [delivery] = await drain(broker, 'q', 1)
    assert.ok(delivery)
    return delivery.message
  }

  it('delivers a message as it was published', async ({ broker }) => {
    const message: Message = {
      headers: { task: 'demo.add', id: 'a1', retries: 0, eta: null, timelimit: [null, 1.5], nested: { a: [true, ''] } },
      properties: { correlationId: 'a1', replyTo: 'me', priority: 4, deliveryMode: 2, expiration: '120000' },
      contentType: 'application/x-json',
      contentEncoding: 'utf-8',
      body: '[[1, 2], {}, {}]',
    }
    assert.deepEqual(await travels(broker, message), message)
  })

  it('leaves unset properties unset', async ({ broker }) => {
    const message = await travels(broker, text('a'))
    assert.deepEqual(
      Object.entries(message.properties).filter(([, value]) => value !== undefined),
      [],
    )
  })

  it('keeps a body of bytes as bytes', async ({ broker }) => {
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const message = { ...text(''), contentType: 'application/x-msgpack', contentEncoding: 'binary', body }
    const arrived = await travels(broker, message)
    assert.ok(arrived.body instanceof Uint8Array)
    assert.deepEqual([...arrived.body], [...body])
    assert.equal(arrived.contentEncoding, 'binary')
  })

  it('keeps empty bodies, of text and of bytes', async ({ broker }) => {
    assert.equal((await travels(broker, text(''))).body, '')
    const bytes = await travels(broker, { ...text(''), contentEncoding: 'binary', body: new Uint8Array() })
    assert.ok(bytes.body instanceof Uint8Array)
    assert.equal(bytes.body.length, 0)
  })

  it('keeps every character of body, headers and queue name', async ({ broker }) => {
    const odd = 'żółć 漢字 🜚 \u0000 \u2028 \' " \\ \n % ; -- é'
    const message = text(odd, { headers: { [odd]: odd } })
    await broker.publish([{ queue: "ма'ил", message }])
    const [delivery] = await drain(broker, "ма'ил", 1)
    assert.ok(delivery)
    assert.deepEqual(delivery.message, message)
    assert.equal(delivery.queue, "ма'ил")
  })

  it('keeps big integers and bytes in headers', async ({ broker }) => {
    const headers = {
      big: 2n ** 70n,
      negative: -(2n ** 64n),
      bytes: new Uint8Array([0, 255, 128]),
      deep: [{ n: 2n ** 63n }],
    }
    const arrived = await travels(broker, text('a', { headers }))
    assert.equal(arrived.headers['big'], headers.big)
    assert.equal(arrived.headers['negative'], headers.negative)
    assert.deepEqual(arrived.headers['deep'], headers.deep)
    assert.deepEqual([...(arrived.headers['bytes'] as Uint8Array)], [0, 255, 128])
  })

  it('keeps a body of 5 MB', async ({ broker }) => {
    const body = 'x'.repeat(5_000_000)
    assert.ok((await travels(broker, text(body, { headers: {} }))).body === body)
  })

  it('takes an empty list of messages', async ({ broker }) => {
    await broker.publish([])
    assert.equal(await broker.count('q'), 0)
  })

  it('delivers 5,000 messages once each, first come first served', async ({ broker }) => {
    const bodies = numbered(5000)
    const inbox = new Inbox({ settles: true })
    await broker.publish(to('q', ...bodies.slice(0, 2500)))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 64 })
    for (let from = 2500; from < 5000; from += 100) await broker.publish(to('q', ...bodies.slice(from, from + 100)))
    await inbox.staysAt(5000)
    assert.deepEqual(inbox.bodies, bodies)
    assert.equal(await broker.count('q'), 0)
  })

  it('keeps the order of publishes that were not awaited', async ({ broker }) => {
    const bodies = numbered(300)
    await Promise.all(bodies.map((body) => broker.publish(to('q', body))))
    const deliveries = await drain(broker, 'q', 300)
    assert.deepEqual(
      deliveries.map((delivery) => delivery.message.body),
      bodies,
    )
  })

  it('publishes to several queues at once', async ({ broker }) => {
    await broker.publish([...to('a', '1'), ...to('b', '2'), ...to('a', '3')])
    assert.deepEqual([await broker.count('a'), await broker.count('b')], [2, 1])
  })

  it('delivers higher priorities first, then first come', async ({ broker }) => {
    const priorities = [0, 9, 3, 9, 5, 0, 3, 1]
    const outgoing = priorities.map((priority, index) => ({
      queue: 'q',
      message: text(`${priority}.${index}`, { priority }),
    }))
    await broker.publish(outgoing)
    const deliveries = await drain(broker, 'q', priorities.length)
    const bodies = deliveries.map((delivery) => delivery.message.body)
    assert.deepEqual(bodies, ['9.1', '9.3', '5.4', '3.2', '3.6', '1.7', '0.0', '0.5'])
  })

  it('treats a message without priority as one of priority 0', async ({ broker }) => {
    await broker.publish([
      ...to('q', 'unset'),
      { queue: 'q', message: text('zero', { priority: 0 }) },
      { queue: 'q', message: text('one', { priority: 1 }) },
    ])
    const deliveries = await drain(broker, 'q', 3)
    assert.deepEqual(
      deliveries.map((delivery) => delivery.message.body),
      ['one', 'unset', 'zero'],
    )
  })

  it('delivers from several queues by priority, then first come', async ({ broker }) => {
    await broker.publish(to('a', '1'))
    await broker.publish([...to('b', '2'), { queue: 'b', message: text('0', { priority: 7 }) }])
    await broker.publish(to('a', '3'))
    const inbox = new Inbox({ settles: true })
    await broker.subscribe(['a', 'b'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(4)
    assert.deepEqual(inbox.bodies, ['0', '1', '2', '3'])
    assert.deepEqual(
      inbox.deliveries.map((delivery) => delivery.queue),
      ['b', 'a', 'b', 'a'],
    )
  })

  it('shows a second connection what the first published, and delivers there', async ({ broker, reopen }) => {
    await using other = await reopen()
    const inbox = new Inbox({ settles: true })
    await other.subscribe(['q'], inbox.onDeliveries, { prefetch: 10 })
    await broker.publish(to('q', 'a', 'b'))
    await inbox.staysAt(2)
    assert.deepEqual(inbox.bodies, ['a', 'b'])
  })
}
