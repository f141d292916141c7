import assert from 'node:assert/strict'
import type { Broker, FindResult, FoundMessage } from '../../src/brokers/broker.ts'
import { type DefineBroker, Inbox, inMs, text, to } from './broker-contract-tools.ts'

async function search(broker: Broker, taskId: string, limit = 100_000): Promise<FindResult> {
  return (await broker.find?.(taskId, { limit })) ?? assert.fail('the broker cannot find: skip this with a reason')
}

async function findOne(broker: Broker, taskId: string): Promise<FoundMessage> {
  const { found, unseen } = await search(broker, taskId)
  assert.deepEqual(unseen, [])
  assert.equal(found.length, 1, `${taskId} was found ${found.length} times`)
  return found[0] as FoundMessage
}

export function defineFindingTests(it: DefineBroker): void {
  it('finds a message that waits, with how many come first', async ({ broker }) => {
    await broker.publish(to('other', 'x'))
    const priorities = { a: 1, b: 1, c: 1, high: 9 }
    const messages = Object.entries(priorities).map(([body, priority]) => text(body, { priority }))
    await broker.publish(messages.map((message) => ({ queue: 'q', message })))
    const { message, ...where } = await findOne(broker, 'c')
    assert.deepEqual(where, { queue: 'q', place: 'ready', ahead: 3 })
    assert.equal(message.body, 'c')
    const first = await findOne(broker, 'high')
    assert.deepEqual([first.queue, first.place === 'ready' && first.ahead], ['q', 0])
    assert.equal(await broker.count('q'), 4)
  })

  it('finds a message that is deferred, with the time', async ({ broker }) => {
    const dueAt = inMs(60_000)
    await broker.publish([{ queue: 'q', message: text('a'), deliverAt: dueAt }])
    const published = await findOne(broker, 'a')
    assert.ok(published.place === 'deferred')
    assert.equal(published.until.getTime(), dueAt.getTime())
    const inbox = new Inbox()
    await broker.publish(to('r', 'b'))
    await broker.subscribe(['r'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await inbox.at(0).defer(dueAt)
    const deferred = await findOne(broker, 'b')
    assert.ok(deferred.place === 'deferred')
    assert.deepEqual([deferred.queue, deferred.until.getTime()], ['r', dueAt.getTime()])
  })

  it('finds a message that is lent, with who has it', async ({ broker, reopen }) => {
    await using other = await reopen()
    const inbox = new Inbox()
    await broker.publish(to('q', 'a', 'b'))
    const subscription = await other.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    const lent = await findOne(broker, 'a')
    assert.ok(lent.place === 'lent')
    assert.equal(lent.queue, 'q')
    assert.notEqual(lent.holder.name, '')
    assert.equal(lent.holder.isAlive, true)
    assert.equal((await findOne(broker, 'b')).place, 'ready')
    await subscription.pause()
    assert.equal((await findOne(broker, 'a')).place, 'lent')
    await inbox.acknowledgeAll()
    assert.deepEqual(await search(broker, 'a'), { found: [], unseen: [] })
    await subscription[Symbol.asyncDispose]()
  })

  it('finds a dead letter in the queue of the dead', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', 'a'))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await inbox.waitFor(1)
    await inbox.at(0).reject({ requeue: false, reason: 'bad' })
    const { queue, place, message } = await findOne(broker, 'a')
    assert.deepEqual([queue, place], ['q.dead', 'ready'])
    assert.equal((message.headers['x-celeriac-death'] as { readonly reason: string }).reason, 'bad')
  })

  it('does not take a child, which names it as its parent, for the task', async ({ broker }) => {
    const child = text('', { headers: { id: 'child', parent_id: 'parent', root_id: 'parent' } })
    await broker.publish([{ queue: 'q', message: child }])
    assert.deepEqual((await search(broker, 'parent')).found, [])
    assert.equal((await search(broker, 'child')).found.length, 1)
  })

  it('finds a message of protocol 1 by its correlation id, and every copy', async ({ broker }) => {
    const old = { ...text('{}', { headers: {} }), properties: { correlationId: 'old' } }
    await broker.publish([
      { queue: 'q', message: old },
      { queue: 'r', message: old },
    ])
    const { found } = await search(broker, 'old')
    assert.deepEqual(found.map(({ queue }) => queue).toSorted(), ['q', 'r'])
  })

  it('looks at those that come next and at the newest of many, and says of how many it did not', async ({ broker }) => {
    const low = Array.from({ length: 300 }, (_, index) => text(`m${index}`, { priority: 1 }))
    await broker.publish(to('other', 'o1', 'o2'))
    await broker.publish(low.map((message) => ({ queue: 'q', message })))
    const placeOf = async (taskId: string): Promise<unknown> => {
      const { found, unseen } = await search(broker, taskId, 5)
      return found.map((each) => [each.queue, each.place === 'ready' && each.ahead, unseen.length > 0])
    }
    assert.deepEqual(await placeOf('o1'), [['other', 0, true]])
    assert.deepEqual(await placeOf('m0'), [['q', 0, true]])
    assert.deepEqual(await placeOf('m4'), [['q', 4, true]])
    assert.deepEqual(await placeOf('m299'), [['q', 299, true]])
    assert.deepEqual(await placeOf('m150'), [])
    for (const [limit, least] of [
      [5, 290],
      [120, 60],
    ] as const) {
      const { unseen } = await search(broker, 'none', limit)
      const [{ queue, count } = assert.fail('nothing is left out')] = unseen
      assert.deepEqual([unseen.length, queue], [1, 'q'])
      assert.ok(count >= least && count <= least + 2, `${count} with a limit of ${limit}`)
    }
  })

  it('says of how many that are lent it did not look', async ({ broker }) => {
    const inbox = new Inbox()
    await broker.publish(to('q', ...Array.from({ length: 300 }, (_, index) => `m${index}`)))
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 300 })
    await inbox.waitFor(300)
    const { found, unseen } = await search(broker, 'none', 100)
    assert.deepEqual(found, [])
    const [lent] = unseen
    assert.ok(unseen.length === 1 && lent?.queue === undefined, JSON.stringify(unseen))
    assert.ok(lent && lent.count > 0 && lent.count <= 200, `${lent?.count}`)
  })

  it('sees everything within its limit', async ({ broker }) => {
    await broker.publish(to('q', ...Array.from({ length: 300 }, (_, index) => `m${index}`)))
    assert.deepEqual(await search(broker, 'none', 300), { found: [], unseen: [] })
    assert.deepEqual(await search(broker, 'none', 1000), { found: [], unseen: [] })
    assert.equal((await search(broker, 'm150', 1000)).found.length, 1)
  })
}
