import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TaskRevoked } from '../../src/index.ts'
import { privateServer, replicatedRedis, skipIfMissing, type PrivateServer, type ReplicatedRedis } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { killAtRandom } from './faults/chaos.ts'
import type { Ledger } from './faults/ledger.ts'
import { end, openFaultSite, type FaultSite } from './faults/site.ts'

/** Silence is noticed within a second, the dead within three. */
const transportOptions = { leaseSeconds: 3, socketTimeout: 1, socketConnectTimeout: 1, healthCheckInterval: 0.5 }
const [server, redundant] = [await privateServer('redis'), await replicatedRedis()]

describe('worker and producer processes while Redis fails', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer
  after(() => redis.stop())

  let databases = 0

  /** In a database of its own: what an earlier test left running, having failed, does not matter. */
  function openSite(changes: Partial<typeof transportOptions> & { readonly url?: string } = {}): Promise<FaultSite> {
    const { url = redis.url, ...options } = changes
    const own = url.replace(/\d+$/, String(databases++))
    return openFaultSite({ url: own, transportOptions: { ...transportOptions, ...options } })
  }

  it('lose nothing when they are killed at random', async (test) => {
    // Nothing is away: only a machine that is busy keeps anybody waiting.
    await using site = await openSite({ socketTimeout: 20, socketConnectTimeout: 20 })
    const { kills, slotKills, ledger } = await killAtRandom(site, { seconds: 3, atLeast: 5, calls: 500 })
    report(test, `${kills} processes and ${slotKills} slots killed`, ledger)
  })

  it('lose nothing and run nothing twice when their connections are cut at random', async (test) => {
    await using proxy = await TcpProxy.open(redis)
    // Pauses between attempts to connect grow up to 2 s.
    await using site = await openSite({ url: proxy.through(redis.url), leaseSeconds: 10 })
    const [producer] = await Promise.all([site.startProducer(), site.startWorker(), site.startWorker()])
    let cuts = 0
    while (cuts < 40 || site.ledger().sent < 400) {
      await sleep(Math.random() * 200)
      if (Math.random() < 0.5) cuts += proxy.cut()
      else cuts += proxy.cutWithinReply(Math.floor(Math.random() * 40))
    }
    await end(producer, 'SIGKILL')
    const ledger = await site.settled()
    report(test, `${cuts} connections cut`, ledger)
    assert.equal(ledger.moreThanOnce, 0)
  })

  it('lose nothing and run nothing twice when Redis is killed and comes back with its log', async (test) => {
    await using site = await openSite({ leaseSeconds: 10 })
    const [producer] = await Promise.all([site.startProducer(), site.startWorker(), site.startWorker()])
    for (let round = 1; round <= 3; round++) {
      await sleep(200 + Math.random() * 500)
      await redis.stop()
      await sleep(Math.random() * 400)
      const { sent, ran } = site.ledger()
      await redis.start()
      await until('both went on', () => site.ledger().sent > sent && site.ledger().ran > ran)
    }
    await end(producer, 'SIGKILL')
    const ledger = await site.settled()
    report(test, '3 restarts', ledger)
    assert.equal(ledger.moreThanOnce, 0)
  })

  it('run nothing that was revoked before Redis was killed and came back with its log', async () => {
    await using site = await openSite({ leaseSeconds: 10 })
    const later = { countdown: '1s' } as const
    const revoked = await site.app.send('faults.note', ['revoked', 1], later)
    const kept = await site.app.send('faults.note', ['kept', 1], later)
    await revoked.revoke()
    await redis.restart()
    await site.startWorker()
    await assert.rejects(revoked.get({ timeout: '30s' }), TaskRevoked)
    await kept.get({ timeout: '30s' })
    assert.deepEqual(site.lines(), ['kept'])
  })

  it('lose nothing and run nothing twice when Redis stands still for longer than the lease', async (test) => {
    // Connecting again takes up to 3 s: an attempt that is not answered, and a pause.
    await using site = await openSite({ leaseSeconds: 4 })
    const [producer] = await Promise.all([site.startProducer(), site.startWorker(), site.startWorker()])
    await until('the workers run', () => site.ledger().ran > 0)
    process.kill(redis.pid, 'SIGSTOP')
    await sleep(4500)
    process.kill(redis.pid, 'SIGCONT')
    const { sent, ran } = site.ledger()
    await until('both went on', () => site.ledger().sent > sent && site.ledger().ran > ran)
    await end(producer, 'SIGKILL')
    const ledger = await site.settled()
    report(test, 'stood still', ledger)
    assert.equal(ledger.moreThanOnce, 0)
  })

  it('lose nothing and run nothing twice while Redis refuses to write', async (test) => {
    await using site = await openSite()
    const [producer] = await Promise.all([site.startProducer(), site.startWorker(), site.startWorker()])
    await until('the workers run', () => site.ledger().ran > 0)
    await redisCommand(redis.url, 'CONFIG', 'SET', 'min-replicas-to-write', '1')
    await sleep(700)
    await redisCommand(redis.url, 'CONFIG', 'SET', 'min-replicas-to-write', '0')
    const { sent, ran } = site.ledger()
    await until('both went on', () => site.ledger().sent > sent && site.ledger().ran > ran)
    await end(producer, 'SIGKILL')
    const ledger = await site.settled()
    report(test, 'writes refused', ledger)
    assert.equal(ledger.moreThanOnce, 0)
  })

  it('go on by themselves when their connections fell silent', async (test) => {
    await using proxy = await TcpProxy.open(redis)
    await using site = await openSite({ url: proxy.through(redis.url), leaseSeconds: 10 })
    const [producer] = await Promise.all([site.startProducer(), site.startWorker()])
    await until('the worker runs', () => site.ledger().ran > 0)
    proxy.freeze()
    await sleep(1000)
    proxy.thaw({ forgets: true })
    const { sent, ran } = site.ledger()
    await until('both went on', () => site.ledger().sent > sent && site.ledger().ran > ran)
    await end(producer, 'SIGKILL')
    const ledger = await site.settled()
    report(test, 'silence', ledger)
    assert.equal(ledger.moreThanOnce, 0)
  })
})

describe('worker and producer processes while Sentinels fail over', { skip: skipIfMissing(redundant) }, () => {
  const redis = redundant as ReplicatedRedis
  after(() => redis[Symbol.asyncDispose]())

  /**
   * What a master had not told its replica is gone with it, and what was acknowledged last runs again: Redis replicates
   * later than it replies. So what was sent meanwhile is reported, what was sent before and after is not lost.
   */
  it('go on at the replica, and lose nothing that it had', async (test) => {
    const { url, masterName } = redis
    await using site = await openFaultSite({
      url,
      transportOptions: { ...transportOptions, leaseSeconds: 10, masterName },
    })
    await Promise.all([site.startWorker(), site.startWorker()])
    const before = await site.startProducer({ count: 200 })
    await once(before, 'exit')
    const killed = await redis.master()
    await redisCommand(killed.url, 'WAIT', '1', '5000')
    const meanwhile = await site.startProducer()
    await killed.stop()
    await redis.failedOver(killed)
    const { sent, ran } = site.ledger()
    await until('both went on', () => site.ledger().sent > sent && site.ledger().ran > ran)
    await killed.start()
    await redis.failedOver(await redis.master(), { isAsked: true })
    const afterwards = await site.startProducer({ count: 200 })
    await once(afterwards, 'exit')
    await end(meanwhile, 'SIGKILL')
    test.diagnostic(`2 failovers: ${String(await site.settled([before, afterwards]))}`)
    test.diagnostic(`meanwhile: ${String(site.ledger([meanwhile]))}`)
  })
})

function report(test: TestContext, what: string, ledger: Ledger): void {
  test.diagnostic(`${what}: ${String(ledger)}`)
  assert.equal(ledger.lost, 0)
}
