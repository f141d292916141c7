import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Broker } from '../../src/brokers/broker.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { Inbox, numbered, to } from './broker-contract-tools.ts'
import type { Child } from './broker-processes.ts'
import { sleep, until } from './contract.ts'
import { RedisLab } from './redis-broker-lab.ts'

const server = await privateServer('redis')
const redis = server as PrivateServer
after(async () => {
  if ('stop' in server) await server.stop()
})

function published(children: readonly Child[]): string[] {
  return children.flatMap((child) => child.said('published').flat())
}

describe('redis broker: many processes, killed and stopped', { skip: skipIfMissing(server) }, () => {
  it('loses and doubles nothing with producers and workers at once', async () => {
    await using lab = await RedisLab.open(redis)
    const workers = [1, 50].map((prefetch) => lab.start('work', '', prefetch))
    const producers = ['x', 'y'].map((prefix) => lab.start('produce', prefix, 300))
    await Promise.all(producers.map((producer) => producer.ended()))
    assert.equal(published(producers).length, 600)
    await until(
      () => acknowledged(workers).length >= 600,
      () => `600 acknowledgements, got ${acknowledged(workers).length}`,
    )
    assert.deepEqual(acknowledged(workers).toSorted(), published(producers).toSorted())
    await lab.allDone()
  })

  it('loses nothing when workers are killed at any moment', async (test) => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.broker({ leaseSeconds: 1 })
    const bodies = numbered(4000)
    await broker.publish(to('q', ...bodies))
    const workers: Child[] = []
    for (let round = 0; round < 4; round++) {
      const worker = lab.start('work', '', 20, 1)
      workers.push(worker)
      await worker.waitFor('ran')
      await sleep(Math.random() * 60)
      await worker.kill()
      await lab.checkPlaces()
    }
    workers.push(lab.start('work', '', 100, 1))
    await lab.allDone()
    await checkRuns(test.diagnostic.bind(test), workers, bodies)
  })

  it('keeps each publish that resolved when producers are killed at any moment', async () => {
    await using lab = await RedisLab.open(redis)
    const producers: Child[] = []
    for (let round = 0; round < 2; round++) {
      const producer = lab.start('produce', `${round}-`, 100_000)
      producers.push(producer)
      await producer.waitFor('published')
      await sleep(Math.random() * 40)
      await producer.kill()
    }
    const broker = await lab.broker()
    const waiting = (await broker.peek?.('q', { offset: 0, limit: 1_000_000 })) ?? []
    const there = new Set(waiting.map(({ body }) => body))
    const missing = published(producers).filter((body) => !there.has(body))
    assert.deepEqual(missing, [])
    assert.equal(there.size, waiting.length)
  })

  it('refuses the settlement of a process that was stopped for longer than its lease', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.broker({ leaseSeconds: 0.6 })
    await broker.publish(to('q', 'a'))
    const worker = lab.start('stop', '', 0, 0.6)
    await worker.waitFor('stops')
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 10 })
    await inbox.waitFor(1)
    worker.signal('SIGCONT')
    await worker.waitFor('refused')
    assert.deepEqual(worker.said('acknowledged'), [])
    assert.equal(await broker.count('after'), 0)
    assert.equal(inbox.at(0).deliveryCount, 2)
    await inbox.at(0).acknowledge()
    await lab.allDone()
  })

  it('gives nothing out twice while a worker blocks its event loop for longer than the lease', async () => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.broker({ leaseSeconds: 1 })
    await broker.publish(to('q', 'a'))
    const worker = lab.start('block', '', 3500, 2)
    await worker.waitFor('blocks')
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 10 })
    await worker.waitFor('acknowledged')
    assert.deepEqual(inbox.bodies, [])
    assert.deepEqual(await broker.count('after'), 1)
  })

  it('accepts one completion of each message while workers are stopped and continued at random', async (test) => {
    await using lab = await RedisLab.open(redis)
    const broker = await lab.broker()
    const bodies = numbered(1500)
    await broker.publish(to('q', ...bodies))
    const workers = [5, 5, 5].map((prefetch) => lab.start('work', '', prefetch, 0.6))
    await Promise.all(workers.map((worker) => worker.waitFor('ran')))
    for (let round = 0; (await waiting(broker, lab)) > 0; round++) {
      const worker = workers[round % workers.length]
      worker?.signal('SIGSTOP')
      await sleep(Math.random() * 1500)
      worker?.signal('SIGCONT')
    }
    await until(
      () => acknowledged(workers).length >= bodies.length,
      () => `${bodies.length} completions, got ${acknowledged(workers).length}`,
    )
    await checkRuns(test.diagnostic.bind(test), workers, bodies)
    await lab.allDone()
  })

  it('lets a process end that has ended its subscription', async () => {
    await using lab = await RedisLab.open(redis)
    const child = lab.start('leave', 'a')
    await child.ended()
    assert.equal(child.code, 0)
    assert.deepEqual(child.lines, ['delivered', 'left'])
  })
})

function acknowledged(workers: readonly Child[]): string[] {
  return workers.flatMap((worker) => worker.said('acknowledged').map(([body]) => body ?? ''))
}

async function waiting(broker: Broker, lab: RedisLab): Promise<number> {
  return (await broker.count('q')) + Number(await lab.run('HLEN', 'unacked'))
}

/** Each of `expected` ran, and none was acknowledged twice. */
async function checkRuns(
  report: (line: string) => void,
  workers: readonly Child[],
  expected: readonly string[],
): Promise<void> {
  const ran = new Set(workers.flatMap((worker) => worker.said('ran').map(([body]) => body)))
  const lost = expected.filter((body) => !ran.has(body))
  const done = acknowledged(workers)
  const twice = done.length - new Set(done).size
  report(`${expected.length} sent, ${done.length} completed, ${twice} more than once, ${lost.length} lost`)
  assert.deepEqual(lost, [])
  assert.equal(twice, 0)
}
