import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { openBackend } from '../../src/backends/open-backend.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import type { Message } from '../../src/protocol/message.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { Ear, success } from './backend-contract-tools.ts'
import { until } from './contract.ts'

const server = await privateServer('redis')
const page = path.resolve(import.meta.dirname, '../../docs/redis.md')
const transportOptions = { global_keyprefix: 'shop:' }

const message: Message = {
  headers: { id: 'a', task: 'demo.add' },
  properties: {},
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  body: '[[], {}, {}]',
}

describe('a user of Redis with the permissions of docs/redis.md', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer
  after(() => redis.stop())

  async function userUrl(): Promise<string> {
    const [, rule = ''] = /^ACL SETUSER shop (.*)$/m.exec(await readFile(page, 'utf8')) ?? []
    await redisCommand(redis.url, 'ACL', 'SETUSER', 'shop', ...rule.split(' '))
    return redis.url.replace('//', '//shop:password@')
  }

  it('may store, watch and fetch results', async () => {
    await using backend = await openBackend(await userUrl(), { expiresMs: 60_000, transportOptions })
    const ear = new Ear()
    await backend.watch(['a'], ear.onMeta)
    await backend.store(success('a'))
    await ear.hears('a:SUCCESS')
    await backend.addGroupPart('g', { index: 0, taskId: 'a', status: 'SUCCESS', result: 1 })
    await backend.forget('a')
  })

  it('may publish, take, defer and settle messages, and broadcast', async () => {
    await using broker = await openBroker(await userUrl(), { transportOptions })
    const heard: unknown[] = []
    await using _listening = await broker.listen('control', (told) => heard.push(told))
    await broker.broadcast(message, 'control', { retainMs: 10_000 })
    const replies: unknown[] = []
    await using _answered = await broker.listen('reply:permitted', (reply) => replies.push(reply))
    await broker.broadcast(message, 'reply:permitted')
    await until(
      () => replies.length === 1,
      () => 'the reply',
    )
    await broker.find?.('a', { limit: 100 })
    const ids: string[] = []
    await using _subscription = await broker.subscribe(
      ['tasks'],
      (deliveries) => {
        for (const delivery of deliveries) {
          ids.push(String(delivery.message.headers['id']))
          void delivery.acknowledge()
        }
      },
      { prefetch: 10 },
    )
    const later = { ...message, headers: { ...message.headers, id: 'b' } }
    await broker.publish([
      { message, queue: 'tasks' },
      { message: later, queue: 'tasks', deliverAt: new Date(Date.now() + 300) },
    ])
    await until(
      () => ids.length === 2 && heard.length === 1,
      () => `a, b and one broadcast, got ${ids.join()} and ${heard.length}`,
    )
  })
})
