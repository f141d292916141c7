import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import type { Broker } from '../../src/brokers/broker.ts'
import { Inbox, numbered, to } from './broker-contract-tools.ts'
import type { Child } from './broker-processes.ts'
import { sleep, until } from './contract.ts'

/** An empty store, and the brokers and processes of one test. */
export interface ProcessLab extends AsyncDisposable {
  broker(options?: { readonly leaseSeconds?: number }): Promise<Broker>
  /** Runs broker-child.ts. */
  start(mode: string, prefix?: string, count?: number, leaseSeconds?: number): Child
  /** Fails unless each message is in one place exactly. */
  checkPlaces(): void | Promise<void>
  /** Nothing waits in `q`, and nothing is lent or deferred. */
  isDone(): Promise<boolean>
}

/** How much there is to do, and how long leases last: what processes cost differs between stores. */
export interface ProcessTestOptions {
  readonly killedWorkers: { readonly messages: number; readonly rounds: number; readonly leaseSeconds: number }
  readonly killedProducers: number
  readonly blocked: { readonly ms: number; readonly leaseSeconds: number }
  readonly stopped: { readonly messages: number; readonly mostMs: number; readonly leaseSeconds: number }
}

/** What every broker promises that several processes share. */
export function defineProcessTests(open: () => Promise<ProcessLab>, options: ProcessTestOptions): void {
  it('loses and doubles nothing with three producers and three workers at once', async () => {
    await using lab = await open()
    const workers = [1, 7, 50].map((prefetch) => lab.start('work', '', prefetch))
    const producers = ['x', 'y', 'z'].map((prefix) => lab.start('produce', prefix, 300))
    await Promise.all(producers.map((producer) => producer.ended()))
    assert.equal(published(producers).length, 900)
    await completed(workers, 900)
    assert.deepEqual(acknowledged(workers).toSorted(), published(producers).toSorted())
    await allDone(lab)
  })

  it('loses nothing when workers are killed at any moment', async (test) => {
    const { messages, rounds, leaseSeconds } = options.killedWorkers
    await using lab = await open()
    const broker = await lab.broker({ leaseSeconds })
    const bodies = numbered(messages)
    await broker.publish(to('q', ...bodies))
    const workers: Child[] = []
    for (let round = 0; round < rounds; round++) {
      const worker = lab.start('work', '', 20, leaseSeconds)
      workers.push(worker)
      await worker.waitFor('ran')
      await sleep(Math.random() * 60)
      await worker.kill()
      await lab.checkPlaces()
    }
    workers.push(lab.start('work', '', 100, leaseSeconds))
    await allDone(lab)
    checkRuns(test, workers, bodies)
  })

  it('keeps each publish that resolved when producers are killed at any moment', async () => {
    await using lab = await open()
    const producers: Child[] = []
    for (let round = 0; round < options.killedProducers; round++) {
      const producer = lab.start('produce', `${round}-`, 100_000)
      producers.push(producer)
      await producer.waitFor('published')
      await sleep(Math.random() * 40)
      await producer.kill()
    }
    await lab.checkPlaces()
    const broker = await lab.broker()
    const waiting = (await broker.peek?.('q', { offset: 0, limit: 1_000_000 })) ?? []
    const there = new Set(waiting.map(({ body }) => body))
    const missing = published(producers).filter((body) => !there.has(body))
    assert.deepEqual(missing, [])
    assert.equal(there.size, waiting.length)
  })

  it('refuses the settlement of a process that was stopped for longer than its lease', async () => {
    await using lab = await open()
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
    await allDone(lab)
  })

  it('gives nothing out twice while a worker blocks its event loop for longer than the lease', async () => {
    const { ms, leaseSeconds } = options.blocked
    await using lab = await open()
    const broker = await lab.broker({ leaseSeconds: 1 })
    await broker.publish(to('q', 'a'))
    const worker = lab.start('block', '', ms, leaseSeconds)
    await worker.waitFor('blocks')
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 10 })
    await worker.waitFor('acknowledged')
    assert.deepEqual(inbox.bodies, [])
    assert.equal(await broker.count('q'), 0)
    assert.equal(await broker.count('after'), 1)
  })

  it('accepts one completion of each message while workers are stopped and continued at random', async (test) => {
    const { messages, mostMs, leaseSeconds } = options.stopped
    await using lab = await open()
    const broker = await lab.broker({ leaseSeconds })
    const bodies = numbered(messages)
    await broker.publish(to('q', ...bodies))
    const workers = [5, 5, 5].map((prefetch) => lab.start('work', '', prefetch, leaseSeconds))
    await Promise.all(workers.map((worker) => worker.waitFor('ran')))
    for (let round = 0; !(await lab.isDone()); round++) {
      const worker = workers[round % workers.length]
      worker?.signal('SIGSTOP')
      await sleep(Math.random() * mostMs)
      worker?.signal('SIGCONT')
    }
    await allDone(lab)
    await settled(workers)
    checkRuns(test, workers, bodies)
  })

  it('lets a process end that has ended its subscription', async () => {
    await using lab = await open()
    const child = lab.start('leave', 'a')
    await child.ended()
    assert.equal(child.code, 0)
    assert.deepEqual(child.lines, ['delivered', 'left'])
  })
}

function published(children: readonly Child[]): string[] {
  return children.flatMap((child) => child.said('published').flat())
}

function acknowledged(workers: readonly Child[]): string[] {
  return workers.flatMap((worker) => worker.said('acknowledged').map(([body]) => body ?? ''))
}

async function completed(workers: readonly Child[], count: number): Promise<void> {
  await until(
    () => acknowledged(workers).length >= count,
    () => `${count} acknowledgements, got ${acknowledged(workers).length}`,
  )
}

/** What was accepted while a worker stood still, it may take for lost: each run is over, but not each is told. */
async function settled(workers: readonly Child[]): Promise<void> {
  const open = (): string[] =>
    workers.map((worker) => `${worker.said('settled').length} of ${worker.said('ran').length}`)
  await until(
    () => workers.every((worker) => worker.said('settled').length === worker.said('ran').length),
    () => `each run to be settled: ${open().join(', ')}`,
  )
}

async function allDone(lab: ProcessLab): Promise<void> {
  await until(
    () => lab.isDone(),
    () => 'everything to be done',
  )
  await lab.checkPlaces()
}

/** Each of `expected` ran, and none was acknowledged twice. */
function checkRuns(test: TestContext, workers: readonly Child[], expected: readonly string[]): void {
  const ran = new Set(workers.flatMap((worker) => worker.said('ran').map(([body]) => body)))
  const lost = expected.filter((body) => !ran.has(body))
  const done = acknowledged(workers)
  const twice = done.length - new Set(done).size
  test.diagnostic(`${expected.length} sent, ${done.length} completed, ${twice} more than once, ${lost.length} lost`)
  assert.deepEqual(lost, [])
  assert.equal(twice, 0)
}
