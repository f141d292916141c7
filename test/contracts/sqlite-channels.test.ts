import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { text } from './broker-contract-tools.ts'
import { until } from './contract.ts'
import { Lab } from './sqlite-broker-processes.ts'

function count(lab: Lab, table: 'broadcast' | 'listener'): number {
  const database = new DatabaseSync(lab.file, { readOnly: true, timeout: 5000 })
  const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get()
  database.close()
  return Number(row?.['count'])
}

describe('sqlite channels', () => {
  it('write nothing that nobody hears', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    await broker.broadcast(text('unheard'), 'events')
    assert.equal(count(lab, 'broadcast'), 0)
    await broker.broadcast(text('kept'), 'events', { retainMs: 10_000 })
    assert.equal(count(lab, 'broadcast'), 1)
    const listener = await broker.listen('control', () => {})
    await broker.broadcast(text('heard'), 'control')
    assert.equal(count(lab, 'broadcast'), 2)
    await listener[Symbol.asyncDispose]()
    assert.equal(count(lab, 'listener'), 0)
    await broker.broadcast(text('unheard'), 'control')
    assert.equal(count(lab, 'broadcast'), 2)
  })

  it('delete what expired, a batch with a later broadcast', async () => {
    await using lab = await Lab.open()
    const broker = await lab.broker()
    for (let round = 0; round < 20; round++) await broker.broadcast(text('short'), 'events', { retainMs: 1 })
    lab.run('UPDATE broadcast SET expires = 1')
    const sent = Array.from({ length: 64 }, () => broker.broadcast(text('later'), 'events', { retainMs: 60_000 }))
    await Promise.all(sent)
    assert.equal(count(lab, 'broadcast'), 64)
  })

  it('are heard again after the lease of the listening process was lost', async () => {
    await using lab = await Lab.open()
    const [listening, sending] = [await lab.broker({ leaseSeconds: 0.3 }), await lab.broker()]
    const heard: unknown[] = []
    await listening.listen('control', ({ body }) => heard.push(body))
    lab.run('DELETE FROM listener; DELETE FROM owner')
    await until(
      () => count(lab, 'listener') === 1,
      () => 'the listener to be entered again',
    )
    await sending.broadcast(text('again'), 'control')
    await until(
      () => heard.length > 0,
      () => 'the message',
    )
    assert.deepEqual(heard, ['again'])
  })

  it('renew the lease of a process that only listens', async () => {
    await using lab = await Lab.open()
    const [listening, sending] = [await lab.broker({ leaseSeconds: 0.3 }), await lab.broker()]
    const heard: unknown[] = []
    await listening.listen('control', ({ body }) => heard.push(body))
    await new Promise((resolve) => setTimeout(resolve, 700))
    await sending.broadcast(text('late'), 'control')
    await until(
      () => heard.length > 0,
      () => 'the message',
    )
  })
})
