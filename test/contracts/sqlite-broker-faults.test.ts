import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineProcessTests } from './broker-contract-processes.ts'
import { drain, Inbox, text, to } from './broker-contract-tools.ts'
import { Lab } from './sqlite-broker-processes.ts'

describe('sqlite broker: many processes', () => {
  defineProcessTests(() => Lab.open(), {
    killedWorkers: { messages: 8000, rounds: 8, leaseSeconds: 30 },
    killedProducers: 6,
    blocked: { ms: 3000, leaseSeconds: 1 },
    stopped: { messages: 3000, mostMs: 1200, leaseSeconds: 0.4 },
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
})
