import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { RedisConnectionLost } from '../../src/drivers/redis-errors.ts'
import { ImproperlyConfigured } from '../../src/errors.ts'
import {
  clusteredRedis,
  privateServer,
  replicatedRedis,
  skipIfMissing,
  type ClusteredRedis,
  type PrivateServer,
  type ReplicatedRedis,
} from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { sleep, until } from './contract.ts'
import { lossOf, openDriver, sendUntilReplied } from './redis-driver-lab.ts'

const [server, redundant, cluster] = [await privateServer('redis'), await replicatedRedis(), await clusteredRedis()]

describe('redis driver: Sentinels', { skip: skipIfMissing(redundant) }, () => {
  const redis = redundant as ReplicatedRedis
  after(() => redis[Symbol.asyncDispose]())

  it('finds the replica that was promoted when the master is killed', async () => {
    await using driver = await openDriver(redis.url, { masterName: redis.masterName })
    const master = await redis.master()
    await driver.commands.send(['SET', 'a', '1'])
    await until(
      async () => (await redisCommand((await redis.replica()).url, 'GET', 'a')) === '1',
      () => 'the replica to have it',
    )
    await master.stop()
    await redis.failedOver(master)
    await sendUntilReplied(driver.commands, ['SET', 'b', '1'])
    assert.equal(await driver.commands.send(['GET', 'a']), '1')
    assert.equal(await redisCommand((await redis.master()).url, 'GET', 'b'), '1')
    await master.start()
  })

  it('leaves a master that became a replica, also where nothing is sent', async () => {
    const old = await redis.master()
    await using driver = await openDriver(redis.url, { masterName: redis.masterName })
    await using blocking = driver.connect('blocking')
    await blocking.ready(2000)
    // The old one takes writes until it is told that it is a replica, eight seconds later, and forgets them then.
    const lost = [lossOf(driver.commands), lossOf(blocking)]
    await redis.failedOver(old, { isAsked: true })
    const startMs = performance.now()
    await Promise.all(lost)
    assert.ok(performance.now() - startMs < 5000, `left after ${performance.now() - startMs} ms`)
    await sendUntilReplied(driver.commands, ['SET', 'c', '1'])
    await blocking.ready(5000)
    await sendUntilReplied(blocking, ['SET', 'd', '1'])
    assert.equal(await redisCommand((await redis.master()).url, 'GET', 'c'), '1')
    assert.equal(await redisCommand((await redis.master()).url, 'GET', 'd'), '1')
  })

  it('asks the next Sentinel when one is silent or gone', async () => {
    const [first, second] = redis.sentinels as [PrivateServer, PrivateServer]
    await first.stop()
    process.kill(second.pid, 'SIGSTOP')
    await using driver = await openDriver(redis.url, { masterName: redis.masterName, socketTimeout: 2 })
    assert.equal(await driver.commands.send(['PING']), 'PONG')
    process.kill(second.pid, 'SIGCONT')
    await first.start()
  })

  it('says which master the Sentinels do not know', async () => {
    await assert.rejects(openDriver(redis.url, { masterName: 'frobnicator' }), /frobnicator/)
  })
})

describe('redis driver: a server that is no primary any more', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer

  it('takes what it is told as not run, and goes on when it is one again', async () => {
    await using driver = await openDriver(redis.url)
    await redisCommand(redis.url, 'REPLICAOF', '127.0.0.1', '1')
    await assert.rejects(driver.commands.send(['SET', 'a', '1']), (error: Error) => {
      assert.ok(error instanceof RedisConnectionLost, String(error))
      return !error.mayHaveRun
    })
    await sleep(200)
    await assert.rejects(driver.commands.send(['SET', 'a', '1']), RedisConnectionLost)
    await assert.rejects(driver.commands.ready(300), /replica/)
    await redisCommand(redis.url, 'REPLICAOF', 'NO', 'ONE')
    await sendUntilReplied(driver.commands, ['SET', 'a', '1'])
  })
})

describe('redis driver: a cluster', { skip: skipIfMissing(cluster) }, () => {
  const redis = cluster as ClusteredRedis
  const options = { globalKeyprefix: '{jobs}' }
  after(() => redis[Symbol.asyncDispose]())

  it('speaks with the node that has the slot of the prefix, and follows when it moves', async () => {
    await using driver = await openDriver(redis.url, options)
    await driver.commands.send(['SET', '{jobs}a', '1'])
    const [old, next] = [await redis.ownerOf('{jobs}a'), await redis.moveSlot('{jobs}a')]
    assert.notEqual(old, next)
    const errors = await sendUntilReplied(driver.commands, ['SET', '{jobs}b', '1'])
    for (const error of errors) assert.ok(error instanceof RedisConnectionLost && !error.mayHaveRun, String(error))
    assert.equal(await driver.commands.send(['GET', '{jobs}a']), '1')
    assert.equal(await redisCommand(next.url, 'GET', '{jobs}b'), '1')
  })

  it('is known also behind a plain URL', async () => {
    for (const node of redis.nodes) {
      await using driver = await openDriver(node.url, options)
      assert.equal(await driver.commands.send(['SET', '{jobs}c', node.url]), 'OK')
    }
  })

  it('is refused without a prefix that names one slot', async () => {
    const tag = (error: Error): boolean =>
      error instanceof ImproperlyConfigured && /global_keyprefix.*\{/.test(error.message)
    await assert.rejects(openDriver(redis.url), tag)
    await assert.rejects(openDriver(redis.url, { globalKeyprefix: 'jobs' }), tag)
    await assert.rejects(openDriver((redis.nodes[0] as PrivateServer).url), tag)
  })

  it('is found when the first nodes of the URL are gone', async () => {
    const owner = await redis.ownerOf('{jobs}')
    const gone = redis.nodes.find((node) => node !== owner) as PrivateServer
    await gone.stop()
    const last = redis.url.replace(/\/\/(.*)/, (_, nodes: string) => {
      const host = `${gone.host}:${gone.port}`
      return `//${[host, ...nodes.split(';').filter((node) => node !== host)].join(';')}`
    })
    await redisCommand(owner.url, 'CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
    await using driver = await openDriver(last, options)
    await sendUntilReplied(driver.commands, ['SET', '{jobs}d', '1'])
    await gone.start()
  })
})
