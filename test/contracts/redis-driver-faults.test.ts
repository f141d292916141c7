import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { RedisConnectionLost } from '../../src/drivers/redis-errors.ts'
import { OperationalError } from '../../src/errors.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { sleep, until } from './contract.ts'
import { lossOf, openDriver, sendUntilReplied } from './redis-driver-lab.ts'

const server = await privateServer('redis')

/** What became of a command: its reply, or the loss of the connection. Anything else fails the test. */
async function outcome(sent: Promise<unknown>): Promise<unknown> {
  try {
    return await sent
  } catch (error) {
    assert.ok(error instanceof RedisConnectionLost, String(error))
    return error
  }
}

describe('redis driver: connections that break', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer
  after(() => redis.stop())

  it('gives each command its own reply or none while connections are cut at any byte', async () => {
    await using proxy = await TcpProxy.open(redis)
    let lost = 0
    for (let round = 0; round < 60; round++) {
      await using driver = await openDriver(proxy.through(redis.url))
      const values = Array.from({ length: 50 }, (_, n) => `${round}:${'x'.repeat(n)}`)
      const outcomes = values.map((value) => outcome(driver.commands.send(['ECHO', value])))
      proxy.cutWithinReply(Math.floor(Math.random() * 2000))
      for (const [index, reply] of (await Promise.all(outcomes)).entries()) {
        if (reply instanceof RedisConnectionLost) lost++
        else assert.equal(reply, values[index])
      }
    }
    assert.ok(lost > 0, 'nothing was cut')
  })

  it('says of each command that was on its way that it may have run, and refuses others at once', async () => {
    await using proxy = await TcpProxy.open(redis)
    await using driver = await openDriver(proxy.through(redis.url))
    proxy.freeze()
    const sent = outcome(driver.commands.send(['SET', 'a', '1']))
    const lost = lossOf(driver.commands)
    await sleep(50)
    await proxy.refuse()
    const error = await sent
    assert.ok(error instanceof RedisConnectionLost && error.mayHaveRun)
    await lost
    assert.equal(driver.commands.isReady, false)
    const startMs = performance.now()
    const refused = await outcome(driver.commands.send(['SET', 'a', '2']))
    assert.ok(refused instanceof RedisConnectionLost && !refused.mayHaveRun)
    assert.ok(performance.now() - startMs < 50)
    proxy.thaw()
    await proxy.accept()
    await driver.commands.ready(5000)
    assert.equal(await driver.commands.send(['PING']), 'PONG')
  })

  it('notices the silence of an idle connection, of one that waits for a reply, and of one that blocks', async () => {
    await using proxy = await TcpProxy.open(redis)
    await using driver = await openDriver(proxy.through(redis.url))
    await using busy = driver.connect('busy')
    await using blocking = driver.connect('blocking')
    await Promise.all([busy.ready(2000), blocking.ready(2000)])
    const startMs = performance.now()
    proxy.freeze()
    const losses = [lossOf(driver.commands), lossOf(busy), lossOf(blocking)]
    const sent = outcome(busy.send(['PING']))
    const blocked = outcome(blocking.send(['BLMOVE', 'q', 'q', 'RIGHT', 'RIGHT', '0.2'], { blocksMs: 200 }))
    await Promise.all(losses)
    assert.ok(performance.now() - startMs < 3000, `noticed after ${performance.now() - startMs} ms`)
    for (const error of [await sent, await blocked]) assert.ok(error instanceof RedisConnectionLost && error.mayHaveRun)
    proxy.thaw({ forgets: true })
    await Promise.all([driver.commands, busy, blocking].map((connection) => connection.ready(5000)))
    assert.equal(await busy.send(['PING']), 'PONG')
  })

  it('does not take a command that blocks for silence', async () => {
    await using driver = await openDriver(redis.url)
    await using blocking = driver.connect('blocking')
    await blocking.ready(2000)
    const losses: Error[] = []
    blocking.onLost((reason) => losses.push(reason))
    assert.equal(await blocking.send(['BLMOVE', 'q', 'q', 'RIGHT', 'RIGHT', '2'], { blocksMs: 2000 }), null)
    assert.deepEqual(losses, [])
  })

  it('hears again after each cut, and says that something may have been missed', async () => {
    await using proxy = await TcpProxy.open(redis)
    await using driver = await openDriver(proxy.through(redis.url))
    const heard: string[] = []
    let resubscribed = 0
    await using _news = await driver.subscriber.subscribe(
      ['news'],
      (text) => heard.push(text),
      () => resubscribed++,
    )
    await using _all = await driver.subscriber.psubscribe('n?ws', (text) => heard.push(`pattern ${text}`))
    for (let round = 1; round <= 3; round++) {
      proxy.cut()
      await until(
        () => resubscribed === round,
        () => `resubscription ${round}`,
      )
      await until(
        async () => {
          await redisCommand(redis.url, 'PUBLISH', 'news', String(round))
          return heard.includes(String(round)) && heard.includes(`pattern ${round}`)
        },
        () => `${round}, heard ${heard.join()}`,
      )
    }
  })

  it('comes back after restarts, with scripts that the server forgot', async () => {
    await using driver = await openDriver(redis.url)
    const { defineScript } = await import('../../src/drivers/redis.ts')
    const script = defineScript("return redis.call('INCR', KEYS[1])")
    await driver.commands.run(script, ['runs'], [])
    await redis.restart()
    await sendUntilReplied(driver.commands, ['PING'])
    assert.equal(await driver.commands.run(script, ['runs'], []), 2)
    await redisCommand(redis.url, 'SCRIPT', 'FLUSH')
    assert.equal(await driver.commands.run(script, ['runs'], []), 3)
    await redisCommand(redis.url, 'CLIENT', 'KILL', 'TYPE', 'normal')
    await sendUntilReplied(driver.commands, ['PING'])
  })

  it('does not open what nobody answers for, and says where and why', async () => {
    await using proxy = await TcpProxy.open(redis)
    proxy.freeze()
    const url = proxy.through(redis.url)
    const silent = new RegExp(`127\\.0\\.0\\.1:${proxy.port}.*no answer within 1 s`)
    const startMs = performance.now()
    await assert.rejects(
      openDriver(url),
      (error: Error) => error instanceof OperationalError && silent.test(error.message),
    )
    await proxy.refuse()
    await assert.rejects(openDriver(url), (error: Error) => /ECONNREFUSED/.test(error.message))
    assert.ok(performance.now() - startMs < 5000)
  })

  it('warns of a server that may evict messages', async () => {
    await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory', '100mb')
    await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    const warnings: Error[] = []
    const onWarning = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', onWarning)
    await using driver = await openDriver(redis.url)
    await driver.commands.send(['PING'])
    await until(
      () => warnings.length > 0,
      () => 'a warning',
    )
    process.off('warning', onWarning)
    assert.match(warnings.join(), /maxmemory-policy.*allkeys-lru/)
    await redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  })
})
