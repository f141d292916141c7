import assert from 'node:assert/strict'
import type { Broker } from '../../src/brokers/broker.ts'
import { type DefineBroker, drain, Inbox, inMs, numbered, text, to } from './broker-contract-tools.ts'

/** Ids of what was deleted among the first `limit`: those that begin with `old`. */
async function pruned(broker: Broker, queue: string, limit: number): Promise<string[]> {
  const gone = (await broker.prune?.(queue, limit, ({ id }) => String(id).startsWith('old'))) ?? assert.fail()
  return gone.map(({ id }) => String(id)).toSorted()
}

export function definePruningTests(it: DefineBroker): void {
  it('deletes those of the first messages that are over, and gives their headers', async ({ broker }) => {
    await broker.publish(to('q', 'old a', 'b', 'old c', 'd', 'old e'))
    await broker.publish(to('other', 'old f'))
    assert.deepEqual(await pruned(broker, 'q', 3), ['old a', 'old c'])
    assert.deepEqual(await pruned(broker, 'q', 3), ['old e'])
    assert.deepEqual(await pruned(broker, 'q', 3), [])
    assert.deepEqual(await pruned(broker, 'unknown', 3), [])
    assert.equal(await broker.count('other'), 1)
    const left = await drain(broker, 'q', 2)
    assert.deepEqual(
      left.map(({ message }) => message.body),
      ['b', 'd'],
    )
  })

  it('finds them whatever their priority', async ({ broker }) => {
    const young = numbered(20).map((body) => ({ queue: 'q', message: text(body, { priority: 9 }) }))
    const old = [0, 5, 9].map((priority) => ({ queue: 'q', message: text(`old ${priority}`, { priority }) }))
    await broker.publish([...old, ...young])
    const gone: string[] = []
    for (;;) {
      const some = await pruned(broker, 'q', 5)
      if (some.length === 0) break
      gone.push(...some)
    }
    assert.deepEqual(gone.toSorted(), ['old 0', 'old 5', 'old 9'])
    assert.equal(await broker.count('q'), 20)
  })

  it('leaves what is lent or deferred where it is', async ({ broker, reopen }) => {
    await using other = await reopen()
    await broker.publish(to('q', 'old a', 'old b'))
    await broker.publish([{ queue: 'q', message: text('old c'), deliverAt: inMs(60_000) }])
    const inbox = new Inbox()
    const subscription = await other.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    assert.deepEqual(await pruned(broker, 'q', 10), ['old b'])
    await inbox.at(0).reject({ requeue: true })
    await subscription[Symbol.asyncDispose]()
    assert.equal(await broker.count('q'), 2)
  })

  it('deletes each once, however many look at the same time', async ({ broker, reopen }) => {
    await using other = await reopen()
    const bodies = numbered(60).map((body) => `old ${body}`)
    await broker.publish(to('q', ...bodies))
    const gone = await Promise.all([broker, other, broker].map((each) => pruned(each, 'q', 100)))
    assert.deepEqual(gone.flat().toSorted(), bodies)
    assert.equal(await broker.count('q'), 0)
  })
}
