import assert from 'node:assert/strict'
import { after, beforeEach, describe, it } from 'node:test'
import { RedisChannels } from '../../src/brokers/redis-channels.ts'
import { openRedis, parseRedisOptions } from '../../src/drivers/open-redis.ts'
import type { Redis } from '../../src/drivers/redis.ts'
import { OperationalError } from '../../src/errors.ts'
import { decodeEnvelope } from '../../src/protocol/envelope.ts'
import type { Message } from '../../src/protocol/message.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { text } from './broker-contract-tools.ts'
import { sleep, until } from './contract.ts'

const server = await privateServer('redis')
const separator = '\x06\x16'

interface Opened extends AsyncDisposable {
  readonly redis: Redis
  readonly channels: RedisChannels
}

async function open(url: string, given: Readonly<Record<string, unknown>> = {}): Promise<Opened> {
  const options = parseRedisOptions({ socketTimeout: 1, socketConnectTimeout: 1, healthCheckInterval: 1, ...given }, '')
  const redis = await openRedis(url, options)
  const channels = new RedisChannels(redis, options)
  const dispose = async (): Promise<void> => {
    await channels[Symbol.asyncDispose]()
    await redis[Symbol.asyncDispose]()
  }
  return { redis, channels, [Symbol.asyncDispose]: dispose }
}

class Ear {
  readonly heard: unknown[] = []
  readonly onMessage = (message: Message): void => void this.heard.push(message.body)

  async hears(...bodies: readonly string[]): Promise<void> {
    await until(
      () => this.heard.length >= bodies.length,
      () => `${bodies.join()}, heard ${this.heard.join()}`,
    )
    assert.deepEqual(this.heard, bodies)
  }
}

describe('channels on Redis', { skip: skipIfMissing(server) }, () => {
  const { url } = server as PrivateServer
  const run = (...args: readonly string[]): Promise<unknown> => redisCommand(url, ...args)

  beforeEach(() => run('FLUSHALL'))
  after(() => (server as PrivateServer).stop())

  it('are published as kombu publishes: exchange, routing key and database in the name', async () => {
    await using one = await open(url)
    const seen: string[] = []
    await one.redis.subscriber.psubscribe('*', (envelope, topic) => {
      const { exchange, routingKey } = decodeEnvelope(envelope).address
      const { priority } = (JSON.parse(envelope) as { properties: { priority: number } }).properties
      seen.push([topic, exchange, routingKey, priority].join(' '))
    })
    await one.channels.broadcast(text('a'), 'control', 0)
    await one.channels.broadcast(text('b'), 'control', 60_000)
    await one.channels.broadcast(text('c'), 'events', 0, 'worker.heartbeat')
    await one.channels.broadcast(text('d'), 'tasks:news', 0)
    const expected = [
      '/0.celery.pidbox celery.pidbox  0',
      '/0.celery.pidbox celery.pidbox  0',
      '/0.celeryev/worker.heartbeat celeryev worker.heartbeat 0',
      '/0.news/celery news celery 0',
    ]
    await until(
      () => seen.length === 4,
      () => `four, saw ${seen.join()}`,
    )
    assert.deepEqual(seen, expected)
  })

  it('hear events of every routing key, but not those of an exchange whose name looks alike', async () => {
    await using one = await open(url)
    const [events, news] = [new Ear(), new Ear()]
    await one.channels.listen('events', events.onMessage)
    await one.channels.listen('tasks:n?ws*', news.onMessage)
    await one.channels.broadcast(text('a'), 'events', 0, 'task.sent')
    await one.channels.broadcast(text('b'), 'events', 0)
    await one.channels.broadcast(text('c'), 'tasks:newsletter', 0)
    await one.channels.broadcast(text('d'), 'tasks:n?ws*', 0, 'other')
    await events.hears('a', 'b')
    await news.hears('d')
  })

  it('follow global_keyprefix, fanout_prefix and fanout_patterns', async () => {
    const options = { globalKeyprefix: 'pfx:', fanoutPrefix: '/{db}-x.', fanoutPatterns: false }
    await using one = await open(url, options)
    await using plain = await open(url)
    const [ear, seen] = [new Ear(), new Set<string>()]
    await plain.redis.subscriber.psubscribe('*', (_, topic) => void seen.add(topic))
    await one.channels.listen('events', ear.onMessage)
    await one.channels.broadcast(text('a'), 'events', 0, 'task.sent')
    await one.channels.broadcast(text('b'), 'control', 60_000)
    await ear.hears('a')
    await until(
      () => seen.size === 2,
      () => `two, saw ${[...seen].join()}`,
    )
    assert.deepEqual([...seen], ['pfx:/0-x.celeryev', 'pfx:/0-x.celery.pidbox'])
    assert.deepEqual(((await run('KEYS', '*')) as string[]).toSorted(), [
      'pfx:celeriac.retained.control',
      'pfx:celeriac.retained.control.last',
    ])
  })

  it('keep nothing for good: what was retained goes when its time is over', async () => {
    await using one = await open(url)
    await one.channels.broadcast(text('a'), 'control', 20)
    await one.channels.broadcast(text('b'), 'control', 60_000)
    await one.channels.broadcast(text('c'), 'events', 20)
    await sleep(40)
    await one.channels.broadcast(text('d'), 'control', 60_000)
    assert.equal(await run('ZCARD', 'celeriac.retained.control'), 2)
    assert.equal(await run('EXISTS', 'celeriac.retained.events', 'celeriac.retained.events.last'), 0)
  })

  it('tell thousands of retained messages, in order, also those that come meanwhile, each once', async () => {
    await using one = await open(url)
    const bodies = Array.from({ length: 3000 }, (_, index) => String(index))
    await Promise.all(bodies.slice(0, 2500).map((body) => one.channels.broadcast(text(body), 'control', 60_000)))
    const ear = new Ear()
    const rest = bodies.slice(2500).map((body) => one.channels.broadcast(text(body), 'control', 60_000))
    await one.channels.listen('control', ear.onMessage)
    await Promise.all(rest)
    await ear.hears(...bodies)
  })

  it('go on after an outage, and tell once what was retained meanwhile', async () => {
    await using proxy = await TcpProxy.open(server as PrivateServer)
    await using one = await open(proxy.through(url))
    await using other = await open(url)
    const ear = new Ear()
    await one.channels.listen('control', ear.onMessage)
    await other.channels.broadcast(text('a'), 'control', 60_000)
    await ear.hears('a')
    await proxy.refuse()
    await other.channels.broadcast(text('kept'), 'control', 60_000)
    await other.channels.broadcast(text('missed'), 'control', 0)
    await proxy.accept()
    await ear.hears('a', 'kept')
    await other.channels.broadcast(text('b'), 'control', 60_000)
    await ear.hears('a', 'kept', 'b')
  })

  it('wait with a broadcast for a connection that comes back', async () => {
    await using proxy = await TcpProxy.open(server as PrivateServer)
    await using one = await open(proxy.through(url))
    await using other = await open(url)
    const ear = new Ear()
    await other.channels.listen('control', ear.onMessage)
    await proxy.refuse()
    const sent = one.channels.broadcast(text('late'), 'control', 60_000)
    await sleep(100)
    await proxy.accept()
    await sent
    await ear.hears('late')
  })

  it('are not stopped by what is no message', async () => {
    await using one = await open(url)
    const ear = new Ear()
    await one.channels.listen('control', ear.onMessage)
    for (const nonsense of ['', 'x', '{}', '[]', '{"body": 1, "properties": {}}'])
      await run('PUBLISH', '/0.celery.pidbox', nonsense)
    await one.channels.broadcast(text('a'), 'control', 0)
    await ear.hears('a')
  })

  it('for replies are lists that kombu finds by their binding, and nothing of them stays', async () => {
    await using one = await open(url)
    await using other = await open(url)
    const [first, second] = [new Ear(), new Ear()]
    await other.channels.broadcast(text('for nobody'), 'reply:oid', 0)
    const listening = await one.channels.listen('reply:oid', first.onMessage)
    const also = await one.channels.listen('reply:oid', second.onMessage)
    const queue = 'oid.reply.celery.pidbox'
    const member = ['oid', '', queue].join(separator)
    assert.deepEqual(await run('SMEMBERS', '_kombu.binding.reply.celery.pidbox'), [member])
    await other.channels.broadcast(text('a'), 'reply:oid', 0)
    await first.hears('a')
    await second.hears('a')
    await also[Symbol.asyncDispose]()
    await other.channels.broadcast(text('b'), 'reply:oid', 0)
    await first.hears('a', 'b')
    await second.hears('a')
    await listening[Symbol.asyncDispose]()
    await other.channels.broadcast(text('late'), 'reply:oid', 0)
    assert.deepEqual(await run('KEYS', '*'), ['_kombu.binding_deadlines'])
  })

  it('for replies go on after an outage', async () => {
    await using proxy = await TcpProxy.open(server as PrivateServer)
    await using one = await open(proxy.through(url))
    await using other = await open(url)
    const ear = new Ear()
    await one.channels.listen('reply:oid', ear.onMessage)
    await proxy.refuse()
    await other.channels.broadcast(text('kept by its list'), 'reply:oid', 0)
    await proxy.accept()
    await ear.hears('kept by its list')
  })

  it('refuse to work after they were disposed of, also those that begin to listen meanwhile', async () => {
    await using one = await open(url)
    const { channels } = one
    const listening = ['control', 'reply:a'] as const
    const begun = listening.map((channel) => channels.listen(channel, () => {}))
    await Promise.all([channels[Symbol.asyncDispose](), ...begun.map((each) => assert.rejects(each, OperationalError))])
    assert.equal(await run('EXISTS', '_kombu.binding.reply.celery.pidbox'), 0)
    await assert.rejects(channels.broadcast(text('a'), 'control', 60_000), OperationalError)
    await assert.rejects(
      channels.listen('control', () => {}),
      OperationalError,
    )
    await assert.rejects(
      channels.listen('reply:a', () => {}),
      OperationalError,
    )
  })
})
