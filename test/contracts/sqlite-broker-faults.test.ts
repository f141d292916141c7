import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Child } from './broker-processes.ts'
import { drain, Inbox, text, to } from './broker-contract-tools.ts'
import { sleep, until } from './contract.ts'
import { Lab } from './sqlite-broker-processes.ts'

function published(children: readonly Child[]): string[] {
  return children.flatMap((child) => child.said('published').flat())
}

/** Each of `expected` ran, and nothing was acknowledged twice. */
function checkRuns(workers: readonly Child[], expected: readonly string[]): void {
  const ran = new Set(workers.flatMap((worker) => worker.said('ran').map(([body]) => body)))
  assert.deepEqual(
    expected.filter((body) => !ran.has(body)),
    [],
    'messages were lost',
  )
  const acknowledged = workers.flatMap((worker) => worker.said('acknowledged').map(([body]) => body))
  assert.equal(new Set(acknowledged).size, acknowledged.length, 'messages were acknowledged twice')
}

describe('sqlite broker: many processes', () => {
  it('loses and doubles nothing with three producers and three workers at once', async () => {
    await using lab = await Lab.open()
    const workers = ['a', 'b', 'c'].map((name, index) => lab.start('work', name, [1, 7, 50][index]))
    const producers = ['x', 'y', 'z'].map((prefix) => lab.start('produce', prefix, 300))
    await Promise.all(producers.map((producer) => producer.ended()))
    assert.equal(published(producers).length, 900)
    const acknowledged = () => workers.flatMap((worker) => worker.said('acknowledged'))
    await until(
      () => acknowledged().length >= 900,
      () => `900 acknowledgements, got ${acknowledged().length}`,
    )
    checkRuns(workers, published(producers))
    lab.checkPlaces()
    const broker = await lab.broker()
    assert.deepEqual(await broker.queues(), [])
  })

  it('is created by several processes at once', async () => {
    await using lab = await Lab.open()
    const creators = ['a', 'b', 'c', 'd'].map((prefix) => lab.start('create', prefix))
    await Promise.all(creators.map((creator) => creator.ended()))
    assert.deepEqual(
      creators.map(({ code }) => code),
      [0, 0, 0, 0],
    )
    const broker = await lab.broker()
    assert.equal(await broker.count('q'), 4)
  })

  it('tells of a message whose holder was killed that nobody lives who has it', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    await broker.publish(to('q', 'a'))
    const holder = lab.start('hold', '', 1)
    await holder.waitFor('holds')
    const whoHasIt = async () => {
      const [found] = (await broker.find('a', { limit: 10 })).found
      return found?.place === 'lent' ? found.holder : assert.fail(`it is ${found?.place}`)
    }
    assert.equal((await whoHasIt()).isAlive, true)
    await holder.kill()
    assert.equal((await whoHasIt()).isAlive, false)
  })

  it('wakes a subscriber and a listener of another process', async () => {
    await using lab = await Lab.open()
    const worker = lab.start('hold', '', 10)
    const listener = lab.start('listen')
    await Promise.all([worker.waitFor('ready'), listener.waitFor('ready')])
    const broker = await lab.broker()
    await broker.publish(to('q', 'a'))
    await broker.broadcast(text('hello'), 'control')
    await Promise.all([worker.waitFor('holds'), listener.waitFor('heard')])
  })

  it('delivers by priority across producers', async () => {
    await using lab = await Lab.open()
    const producers = ['x', 'y'].map((prefix) => lab.start('produce', prefix, 60))
    await Promise.all(producers.map((producer) => producer.ended()))
    const deliveries = await drain(await lab.broker(), 'q', 120)
    const priorities = deliveries.map(({ message }) => message.properties.priority ?? 0)
    assert.deepEqual(
      priorities,
      priorities.toSorted((a, b) => b - a),
    )
  })

  it('lets a process end that has ended its subscription', async () => {
    await using lab = await Lab.open()
    const child = lab.start('leave', 'a')
    await child.ended()
    assert.equal(child.code, 0)
    assert.deepEqual(child.lines, ['delivered', 'left'])
  })
})

describe('sqlite broker: killed processes', () => {
  it('loses nothing when workers are killed at any moment', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    const bodies = Array.from({ length: 8000 }, (_, number) => `m${number}`)
    await broker.publish(to('q', ...bodies))
    const workers: Child[] = []
    for (let round = 0; round < 8; round++) {
      const worker = lab.start('work', '', 20)
      workers.push(worker)
      await worker.waitFor('ran')
      await sleep(Math.random() * 60)
      await worker.kill()
      lab.checkPlaces()
    }
    const heir = lab.start('work', '', 100)
    workers.push(heir)
    await until(
      async () => (await broker.queues()).length === 0,
      () => 'the queue to be empty',
    )
    checkRuns(workers, bodies)
  })

  it('keeps each publish that resolved when producers are killed at any moment', async () => {
    await using lab = await Lab.open()
    const producers: Child[] = []
    for (let round = 0; round < 6; round++) {
      const producer = lab.start('produce', `${round}-`, 100_000)
      producers.push(producer)
      await producer.waitFor('published')
      await sleep(Math.random() * 40)
      await producer.kill()
    }
    lab.checkPlaces()
    const broker = await lab.broker()
    const waiting = await broker.peek('q', { offset: 0, limit: 1_000_000 })
    const there = new Set(waiting.map(({ body }) => body))
    assert.deepEqual(
      published(producers).filter((body) => !there.has(body)),
      [],
    )
    assert.equal(there.size, waiting.length)
  })

  it('gives what a killed worker held to another within seconds, long before the lease ends', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    await broker.publish(to('q', 'a', 'b'))
    const worker = lab.start('hold', '', 10)
    await worker.waitFor('holds', 2)
    const inbox = new Inbox({ settles: true })
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 10 })
    await inbox.staysAt(0)
    await worker.kill()
    await inbox.waitFor(2)
    assert.deepEqual(inbox.bodies, ['a', 'b'])
    assert.equal(inbox.at(0).deliveryCount, 2)
  })

  it('refuses the settlement of a process that was stopped for longer than its lease', async () => {
    await using lab = await Lab.open()
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
    lab.checkPlaces()
    assert.deepEqual(await broker.queues(), [])
  })

  it('gives nothing out twice while a worker blocks its event loop for longer than the lease', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker({ leaseSeconds: 1 })
    await broker.publish(to('q', 'a'))
    const worker = lab.start('block', '', 3000, 1)
    await worker.waitFor('blocks')
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 10 })
    await worker.waitFor('acknowledged')
    assert.deepEqual(inbox.bodies, [])
    assert.deepEqual(await broker.queues(), ['after'])
  })

  it('accepts one completion of each message while workers are stopped and continued at random', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker({ leaseSeconds: 0.4 })
    const bodies = Array.from({ length: 3000 }, (_, number) => `m${number}`)
    await broker.publish(to('q', ...bodies))
    const workers = ['a', 'b', 'c'].map((name) => lab.start('work', name, 5, 0.4))
    await Promise.all(workers.map((worker) => worker.waitFor('ran')))
    for (let round = 0; (await broker.queues()).length > 0; round++) {
      const worker = workers[round % workers.length]
      worker?.signal('SIGSTOP')
      await sleep(Math.random() * 1200)
      worker?.signal('SIGCONT')
    }
    const completed = () => workers.flatMap((worker) => worker.said('acknowledged'))
    await until(
      () => completed().length >= bodies.length,
      () => `${bodies.length} completions, got ${completed().length}`,
    )
    checkRuns(workers, bodies)
    lab.checkPlaces()
  })
})
