import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { ResultBackend } from '../../src/backends/backend.ts'
import { openBackend } from '../../src/backends/open-backend.ts'
import { Celeriac } from '../../src/index.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { redisCommand, redisInfo } from '../support/redis-command.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { Ear, ids, success } from './backend-contract-tools.ts'
import { sleep, until } from './contract.ts'

const server = await privateServer('redis')
const redis = server as PrivateServer
after(async () => {
  if ('stop' in server) await server.stop()
})

/** Silence is noticed within a second. */
const transportOptions = { socketTimeout: 0.6, socketConnectTimeout: 1.5, healthCheckInterval: 0.3 }

/** One backend straight to an empty Redis, one through a proxy. */
async function openBoth(): Promise<
  AsyncDisposable & { proxy: TcpProxy; direct: ResultBackend; proxied: ResultBackend }
> {
  await redisCommand(redis.url, 'FLUSHALL')
  const proxy = await TcpProxy.open(redis)
  const options = { expiresMs: 86_400_000, transportOptions }
  const direct = await openBackend(redis.url, options)
  const proxied = await openBackend(proxy.through(redis.url), options)
  return {
    proxy,
    direct,
    proxied,
    [Symbol.asyncDispose]: async () => {
      proxy.thaw()
      await proxy.accept()
      await Promise.all([direct[Symbol.asyncDispose](), proxied[Symbol.asyncDispose]()])
      await proxy[Symbol.asyncDispose]()
    },
  }
}

describe('Redis backend under faults', { skip: skipIfMissing(server) }, () => {
  it('tells of what was stored while its connection was silent, refused, or the server away', async () => {
    await using both = await openBoth()
    const faults: Record<string, { readonly begin: () => unknown; readonly end: () => unknown }> = {
      frozen: { begin: () => both.proxy.freeze(), end: () => both.proxy.thaw({ forgets: true }) },
      refused: { begin: () => both.proxy.refuse(), end: () => both.proxy.accept() },
      restarted: { begin: () => redis.restart(), end: () => undefined },
    }
    const ear = new Ear()
    await both.proxied.watch(Object.keys(faults), ear.onMeta)
    for (const [taskId, { begin, end }] of Object.entries(faults)) {
      await begin()
      await both.direct.store(success(taskId))
      await end()
      await until(
        () => ear.states.includes(`${taskId}:SUCCESS`),
        () => `to be told of ${taskId}`,
      )
    }
  })

  it('stores what it was told before and during an outage', async () => {
    await using both = await openBoth()
    const taskIds = ids(50)
    await both.proxy.refuse()
    const stored = Promise.all(taskIds.map((taskId) => both.proxied.store(success(taskId))))
    await sleep(500)
    await both.proxy.accept()
    await stored
    const metas = await both.direct.fetch(taskIds)
    assert.ok(metas.every((meta) => meta?.status === 'SUCCESS'))
  })

  it('stores once what is cut under load, and lets no later state replace a success', async () => {
    await using both = await openBoth()
    const taskIds = ids(400)
    for (let from = 0; from < taskIds.length; from += 40) {
      const part = taskIds.slice(from, from + 40)
      const stored = part.map(async (taskId) => {
        await both.proxied.store({ taskId, status: 'STARTED', result: { pid: 1 } })
        await both.proxied.store(success(taskId))
        await both.proxied.store({ taskId, status: 'RETRY', result: 'late' })
      })
      if (from % 80 === 0) both.proxy.cut()
      else both.proxy.cutWithinReply(Math.floor(Math.random() * 100))
      await Promise.all(stored)
    }
    const metas = await both.direct.fetch(taskIds)
    assert.ok(metas.every((meta) => meta?.status === 'SUCCESS'))
  })

  it('lets a call wait for its result over restarts and cut connections', async () => {
    await using both = await openBoth()
    const settings = { broker_transport_options: transportOptions, result_backend_transport_options: transportOptions }
    const url = both.proxy.through(redis.url)
    await using app = new Celeriac('waits', { broker: url, backend: url, settings })
    const results = await Promise.all(ids(30).map((id) => app.send<number>('nobody.runs.it', [id])))
    await redisCommand(redis.url, 'CONFIG', 'RESETSTAT')
    const values = Promise.all(results.map((result) => result.get({ timeout: '20s' })))
    await until(
      async () => (await redisInfo(redis.url, 'commandstats', 'cmdstat_mget')) !== undefined,
      () => 'the first look for results',
    )
    for (const [index, { id }] of results.entries()) {
      if (index % 10 === 3) both.proxy.cut()
      if (index === 12) await redis.restart()
      if (index === 25) {
        both.proxy.freeze()
        setTimeout(() => both.proxy.thaw({ forgets: true }), 300)
      }
      await both.direct.store(success(id, index))
    }
    assert.deepEqual(
      await values,
      results.map((_, index) => index),
    )
  })
})
