import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { type Death, deathHeader } from '../../src/protocol/message.ts'
import { service } from '../services.ts'
import { drain, inMs, Inbox, peek, text, to } from './broker-contract-tools.ts'
import { until } from './contract.ts'
import { RedisStore } from './redis-store.ts'

const separator = '\x06\x16'
const captures = path.resolve(import.meta.dirname, '../fixtures/captures')

/** What kombu 5.6 writes for a small task. */
const plain = {
  body: Buffer.from('[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]').toString(
    'base64',
  ),
  'content-encoding': 'utf-8',
  'content-type': 'application/json',
  headers: { lang: 'py', task: 'demo.add', id: 'a1', retries: 0 } as Record<string, unknown>,
  properties: {
    correlation_id: 'a1',
    reply_to: 'me',
    delivery_mode: 2,
    delivery_info: { exchange: '', routing_key: 'q' },
    priority: 0,
    body_encoding: 'base64',
    delivery_tag: 'd65220c5-204c-464e-b3f8-2addc023845f',
  } as Record<string, unknown>,
}

const redis = await service('redis')
if ('url' in redis) describeWire(redis.url)

function describeWire(url: string): void {
  const without = (key: keyof typeof plain): string => JSON.stringify({ ...plain, [key]: undefined })
  const withProperties = (changes: Readonly<Record<string, unknown>>): string =>
    JSON.stringify({ ...plain, properties: { ...plain.properties, ...changes } })

  describe('redis: messages that cannot be read', () => {
    const bad: Record<string, readonly [string | Buffer, RegExp]> = {
      'text that is no JSON': ['this is not JSON', /JSON/],
      'an empty text': ['', /JSON/],
      'bytes that are no text': [Buffer.from([0xff, 0xfe, 0, 0x22, 0xc3]), /JSON/],
      'a list': ['[1, 2]', /object/],
      null: ['null', /object/],
      'an envelope without body': [without('body'), /body/],
      'a body that is no text': [JSON.stringify({ ...plain, body: [1] }), /body/],
      'an envelope without content type': [without('content-type'), /content-type/],
      'headers that are none': [JSON.stringify({ ...plain, headers: null }), /headers/],
      'properties that are none': [JSON.stringify({ ...plain, properties: 'x' }), /properties/],
      'an unknown encoding of the body': [withProperties({ body_encoding: 'BASE64' }), /BASE64/],
      'a value of an unknown type in the headers': [
        JSON.stringify({ ...plain, headers: { ...plain.headers, x: { __type__: 'nope', __value__: 1 } } }),
        /nope/,
      ],
    }
    for (const [what, [raw, reason]] of Object.entries(bad)) {
      it(`puts ${what} among the dead letters, every byte of it, with the reason, and goes on`, async () => {
        await using store = await RedisStore.open(url)
        const broker = await store.broker()
        await store.run('LPUSH', 'q', raw)
        const inbox = new Inbox({ settles: true })
        const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
        await broker.publish(to('q', 'next'))
        await inbox.waitFor(1)
        await until(
          async () => (await broker.count('q.dead')) === 1,
          () => 'the dead letter',
        )
        await subscription[Symbol.asyncDispose]()
        const [letter] = await drain(broker, 'q.dead', 1)
        const death = letter?.message.headers[deathHeader] as Death
        assert.match(death.reason, reason)
        assert.equal(death.queue, 'q')
        assert.deepEqual(Buffer.from(letter?.message.body as string), Buffer.from(raw as string))
        assert.equal(await store.run('HLEN', 'unacked'), 0)
      })
    }

    it('shows them without taking them', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker()
      await store.run('LPUSH', 'q', Buffer.from([0xff, 0x00]))
      const [message] = await peek(broker, 'q', 0, 9)
      assert.deepEqual(message?.body, Buffer.from([0xff, 0x00]))
      assert.equal(await broker.count('q'), 1)
    })
  })

  describe('redis: messages of others that can be read', () => {
    const { properties } = plain
    const good: Record<string, string> = {
      'an envelope of kombu': JSON.stringify(plain),
      'one without delivery tag, delivery info, priority and more': JSON.stringify({
        ...plain,
        properties: {},
      }).replace('"properties":{}', '"properties":{"body_encoding":"base64"}'),
      'one without properties, its body as text': JSON.stringify({
        ...plain,
        body: '[[2, 3], {}, null]',
        properties: undefined,
      }),
      'a body as text': JSON.stringify({
        ...plain,
        body: '[[2, 3], {}, null]',
        properties: { ...properties, body_encoding: 'utf-8' },
      }),
      'a body with encoding null': JSON.stringify({
        ...plain,
        body: '[[2, 3], {}, null]',
        properties: { ...properties, body_encoding: null },
      }),
      'one without content encoding': JSON.stringify({ ...plain, 'content-encoding': undefined }),
      'one without headers': JSON.stringify({ ...plain, headers: undefined }),
    }
    for (const [what, raw] of Object.entries(good)) {
      it(`delivers ${what}`, async () => {
        await using store = await RedisStore.open(url)
        const broker = await store.broker()
        await store.run('LPUSH', 'q', raw)
        const [delivery] = await drain(broker, 'q', 1)
        assert.match(String(delivery?.message.body), /^\[\[2, 3\]/)
        assert.equal(delivery?.deliveryCount, 1)
      })
    }

    it('knows a message that kombu has restored', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker()
      const properties = { ...plain.properties, delivery_info: { exchange: '', routing_key: 'q', redelivered: true } }
      await store.run(
        'RPUSH',
        'q',
        JSON.stringify({ ...plain, headers: { ...plain.headers, redelivered: true }, properties }),
      )
      const [delivery] = await drain(broker, 'q', 1)
      assert.equal(delivery?.deliveryCount, 2)
      assert.deepEqual(delivery.message.headers, plain.headers)
    })
  })

  describe('redis: what is written', () => {
    it('is an envelope of kombu in the list that the priority belongs to', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker()
      const priorities = [undefined, 9, 8, 6, 5, 3, 2, 0]
      await broker.publish(
        priorities.map((priority) => ({ queue: 'q', message: text('a', priority === undefined ? {} : { priority }) })),
      )
      const lengths = await Promise.all(
        ['', '3', '6', '9'].map((step) => store.run('LLEN', `q${step && separator + step}`)),
      )
      assert.deepEqual(lengths, [3, 2, 2, 1])
      const envelope = JSON.parse(String(await store.run('LINDEX', `q${separator}9`, '0'))) as typeof plain
      assert.equal(envelope.body, Buffer.from('a').toString('base64'))
      const { delivery_tag: tag, ...properties } = envelope.properties
      assert.match(String(tag), /^[\da-f-]{36}$/)
      assert.deepEqual(properties, {
        delivery_info: { exchange: '', routing_key: 'q' },
        priority: 9,
        body_encoding: 'base64',
      })
    })

    it('declares queues as Celery does', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker()
      await broker.publish(to('mail', 'a'))
      const captured = JSON.parse(readFileSync(path.join(captures, 'redis_bindings.json'), 'utf8')) as Record<
        string,
        string[]
      >
      assert.ok(captured['_kombu.binding.dx']?.includes(`rk${separator}${separator}d1`), 'the form of a binding')
      assert.deepEqual(await store.run('SMEMBERS', '_kombu.binding.mail'), [`mail${separator}${separator}mail`])
    })

    it('records what is lent as kombu does, and nothing else of what is settled', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker()
      const raw = JSON.stringify(plain)
      await store.run('LPUSH', 'q', raw)
      const inbox = new Inbox()
      const subscription = await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 5 })
      await inbox.waitFor(1)
      const [record] = (await store.run('HVALS', 'unacked')) as string[]
      assert.deepEqual(JSON.parse(String(record)), [plain, '', 'q'])
      const [tag] = (await store.run('HKEYS', 'unacked')) as string[]
      const takenAt = Number(await store.run('ZSCORE', 'unacked_index', String(tag)))
      assert.ok(Math.abs(takenAt - Date.now() / 1000) < 5, `taken at ${takenAt}`)
      await inbox.acknowledgeAll()
      assert.deepEqual([await store.run('HLEN', 'unacked'), await store.run('ZCARD', 'unacked_index')], [0, 0])
      await subscription[Symbol.asyncDispose]()
    })

    it('lets kombu find what is deferred when it is due', async () => {
      await using store = await RedisStore.open(url)
      const broker = await store.broker({ visibility_timeout: 100 })
      const inbox = new Inbox()
      const dueAt = inMs(60_000)
      await broker.publish(to('q', 'a'))
      await broker.publish([{ queue: 'q', message: text('b'), deliverAt: dueAt }])
      await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 5 })
      await inbox.waitFor(1)
      await inbox.at(0).defer(dueAt)
      await until(
        async () => (await store.run('ZCARD', 'unacked_index')) === 2,
        () => 'both to be put aside',
      )
      const tags = (await store.run('ZRANGE', 'unacked_index', '0', '-1')) as string[]
      const scores = await Promise.all(tags.map(async (tag) => Number(await store.run('ZSCORE', 'unacked_index', tag))))
      for (const score of scores) assert.ok(Math.abs(score - (dueAt.getTime() / 1000 - 100)) < 0.01, String(score))
      assert.equal(await store.run('LLEN', 'q'), 0)
    })
  })
}
