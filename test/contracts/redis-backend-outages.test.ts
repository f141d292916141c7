import assert from 'node:assert/strict'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ResultBackend } from '../../src/backends/backend.ts'
import { openBackend } from '../../src/backends/open-backend.ts'
import { OperationalError } from '../../src/errors.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { redisCommand, redisInfo } from '../support/redis-command.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { Ear, failure, fetchOne, ids, progress, success } from './backend-contract-tools.ts'
import { sleep, until } from './contract.ts'

const server = await privateServer('redis')
const short = { socketTimeout: 0.6, socketConnectTimeout: 0.6, healthCheckInterval: 0.3 }

function open(url: string, transportOptions: object = {}): Promise<ResultBackend> {
  return openBackend(url, { expiresMs: 86_400_000, transportOptions: { ...short, ...transportOptions } })
}

describe('Redis backend in outages', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer
  let proxy: TcpProxy
  let backend: ResultBackend
  /** Not through the proxy. */
  let other: ResultBackend

  beforeEach(async () => {
    await redisCommand(redis.url, 'FLUSHALL')
    proxy = await TcpProxy.open(redis)
    ;[backend, other] = await Promise.all([open(proxy.through(redis.url)), open(redis.url)])
  })

  afterEach(async () => {
    await Promise.all([backend, other].map((one) => one[Symbol.asyncDispose]()))
    await proxy[Symbol.asyncDispose]()
  })

  after(() => redis.stop())

  it('tells a watcher of what was stored while its connection was lost, once', async () => {
    const ear = new Ear()
    const taskIds = ids(20)
    await backend.watch(['known', ...taskIds], ear.onMeta)
    await backend.watch(['alone'], ear.onMeta)
    await other.store(success('known'))
    await ear.hears('known:SUCCESS')
    await proxy.refuse()
    await Promise.all(['alone', ...taskIds].map((taskId) => other.store(success(taskId))))
    await proxy.accept()
    await ear.hearsSome(22)
    await sleep(100)
    assert.deepEqual(ear.states.toSorted(), ['known', 'alone', ...taskIds].map((id) => `${id}:SUCCESS`).toSorted())
  })

  it('looks for what it missed until it could', async () => {
    const ear = new Ear()
    await backend.watch(['a'], ear.onMeta)
    await redisCommand(redis.url, 'ACL', 'SETUSER', 'default', '-mget')
    await proxy.refuse()
    await other.store(success('a'))
    await proxy.accept()
    const refusals = async (): Promise<string> => (await redisInfo(redis.url, 'commandstats', 'cmdstat_mget')) ?? ''
    await until(
      async () => /rejected_calls=[1-9]/.test(await refusals()),
      () => 'a look in vain',
    )
    assert.deepEqual(ear.states, [])
    await redisCommand(redis.url, 'ACL', 'SETUSER', 'default', '+mget')
    await ear.hears('a:SUCCESS')
  })

  it('misses no state and invents none while connections are cut at random', async () => {
    const ear = new Ear()
    const taskIds = ids(30)
    await backend.watch(taskIds, ear.onMeta)
    const storing = taskIds.map(async (taskId) => {
      for (let done = 0; done < 20; done++) {
        await other.store(progress(taskId, done))
        await sleep(Math.random() * 40)
      }
      await other.store(success(taskId))
    })
    const stored = Promise.all(storing)
    for (let cuts = 0; cuts < 8; cuts++) {
      await sleep(60)
      proxy.cut()
    }
    await stored
    await until(
      () => new Set(ear.states.filter((state) => state.endsWith(':SUCCESS'))).size === 30,
      () => '30 results',
    )
    for (const taskId of taskIds) {
      const heard = ear.heard.filter((meta) => meta.taskId === taskId)
      const steps = heard.map(({ status, result }) => (status === 'SUCCESS' ? 20 : (result as { done: number }).done))
      assert.deepEqual(
        steps,
        [...new Set(steps)].toSorted((a, b) => a - b),
      )
    }
  })

  it('watches and fetches while the connection is being restored', async () => {
    await other.store(success('a'))
    await proxy.refuse()
    const ear = new Ear()
    const watching = backend.watch(['b'], ear.onMeta)
    const fetching = backend.fetch(['a'])
    await sleep(100)
    await proxy.accept()
    assert.equal((await fetching)[0]?.status, 'SUCCESS')
    await watching
    await other.store(success('b'))
    await ear.hears('b:SUCCESS')
  })

  it('stores again what may be lost, in the order of the states', async () => {
    proxy.loseReplyTo('STARTED')
    const first = backend.store({ taskId: 'a', status: 'STARTED', result: { pid: 1 } })
    await until(
      () => !proxy.isLosing,
      () => 'the loss',
    )
    await proxy.refuse()
    const stored = [first, backend.store(progress('a', 1))]
    await sleep(50)
    stored.push(backend.store(failure('a')))
    await proxy.accept()
    await Promise.all(stored)
    assert.equal((await fetchOne(other, 'a'))?.status, 'FAILURE')
  })

  it('counts a part once whose reply was lost, and reads and closes groups whatever is lost', async () => {
    const part = (index: number): object => ({ index, taskId: `t${index}`, status: 'SUCCESS', result: index })
    await backend.addGroupPart('g', part(0) as never)
    proxy.loseReplyTo('t1')
    assert.equal((await backend.addGroupPart('g', part(1) as never)).place, 2)
    proxy.loseReplyTo('extra:t2')
    await backend.setGroupSize('g', 2)
    await backend.extendGroup('g', 't2')
    assert.equal((await backend.addGroupPart('g', part(1) as never)).size, 3)
    proxy.loseReplyTo('celery-taskset-meta-g')
    assert.deepEqual(await backend.groupParts('g'), [part(0), part(1)])
    proxy.loseReplyTo('celery-taskset-meta-g')
    await backend.closeGroup('g')
    assert.equal((await other.addGroupPart('g', part(0) as never)).place, 0)
    assert.deepEqual(await redisCommand(redis.url, 'KEYS', '*'), ['celery-taskset-meta-g.p'])
  })

  it('rejects what cannot be done for long, with the reason', async () => {
    await using impatient = await open(proxy.through(redis.url), { retry_policy: { timeout: 0.3 } })
    await proxy.refuse()
    const refused = new RegExp(`Redis at 127\\.0\\.0\\.1:${proxy.port} .*ECONNREFUSED`)
    for (const work of [
      () => impatient.store(success('a')),
      () => impatient.forget('a'),
      () => impatient.fetch(['a']),
      () => impatient.watch(['a'], () => {}),
    ]) {
      const startMs = performance.now()
      await assert.rejects(work(), (error) => {
        assert.ok(error instanceof OperationalError)
        assert.match(error.message, refused)
        return true
      })
      assert.ok(performance.now() - startMs < 2000)
    }
    await assert.rejects(open(proxy.through(redis.url)), OperationalError)
  })

  it('ends at once when it is disposed of without a connection', async () => {
    const ending = await open(proxy.through(redis.url))
    await ending.watch(['a'], () => {})
    await proxy.refuse()
    const stored = assert.rejects(ending.store(success('a')), OperationalError)
    await sleep(20)
    const startMs = performance.now()
    await ending[Symbol.asyncDispose]()
    await stored
    assert.ok(performance.now() - startMs < 500)
  })

  it('says that the memory of the server is full, and loses nothing that was stored', async () => {
    await using impatient = await open(redis.url, { retry_policy: { timeout: 0.4 } })
    await backend.store(success('a', 1))
    await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory', '1')
    const startMs = performance.now()
    await assert.rejects(impatient.store(success('b')), /OOM.*the memory limit of the server \(maxmemory\) is reached/)
    assert.ok(performance.now() - startMs >= 400)
    await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory', '0')
    assert.equal((await fetchOne(backend, 'a'))?.result, 1)
    await backend.store(success('b'))
  })

  it('stores what it was given while the memory was full, in order, as soon as there is room', async () => {
    await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory', '1')
    const stored = [progress('a', 1), progress('a', 2), success('a', 3), success('b', 4)].map((meta) =>
      backend.store(meta),
    )
    await sleep(300)
    await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory', '0')
    await Promise.all(stored)
    assert.deepEqual(
      (await backend.fetch(['a', 'b'])).map((meta) => meta?.result),
      [3, 4],
    )
  })

  it('waits for the results of 100,000 tasks in few commands, and leaves nothing behind', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const waitFor = async (count: number): Promise<void> => {
      for (let from = 0; from < count; from += 1000) {
        const taskIds = ids(1000)
        const watched = taskIds
          .map((taskId, index) => [taskId, taskIds[index + 1] ?? ''])
          .filter((_, index) => !(index % 20))
        const watches = await Promise.all([taskIds, ...watched].map((some) => backend.watch(some, () => {})))
        await backend.fetch(taskIds)
        for (const watch of watches) await watch[Symbol.asyncDispose]()
      }
      await until(
        async () => ((await redisCommand(redis.url, 'PUBSUB', 'CHANNELS')) as unknown[]).length === 0,
        () => 'no channel to be left',
      )
    }
    await waitFor(30_000)
    collect()
    const [heapBefore, commandsBefore] = [process.memoryUsage().heapUsed, await commandCount()]
    await waitFor(70_000)
    collect()
    const [heap, commands] = [process.memoryUsage().heapUsed, await commandCount()]
    assert.ok(heap < heapBefore + 3_000_000, `${heapBefore} bytes became ${heap}`)
    assert.ok(commands - commandsBefore < 70 * 8 + 200, `${commands - commandsBefore} commands`)
    assert.equal(proxy.connections, 2)
  })

  async function commandCount(): Promise<number> {
    return Number(await redisInfo(redis.url, 'stats', 'total_commands_processed'))
  }
})
