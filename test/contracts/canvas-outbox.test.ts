import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chain, chord, group, Worker } from '../../src/index.ts'
import { openOutboxSite } from './outbox-site.ts'

describe('workflows in an outbox', () => {
  it('are written by the transaction, and none of them exists if it rolls back', async () => {
    await using site = await openOutboxSite('sqlite')
    const { app } = site
    await site.outbox.migrate()
    const add = app.task('outbox.add', (x: number, y: number) => x + y)
    const sum = app.task('outbox.sum', (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0))
    const send = async () => ({
      chained: await chain(add.s(1, 2), add.s(3)).delay(),
      summed: await chord(group(add.s(1, 1), add.s(2, 2)), sum.s()).delay(),
    })
    const failing = site.transaction(async () => {
      await send()
      throw new Error('rolled back')
    })
    await assert.rejects(failing, /rolled back/)
    assert.deepEqual([await site.rows(), await site.waiting()], [0, 0])
    const { chained, summed } = await site.transaction(send)
    assert.deepEqual([await site.rows(), await site.waiting()], [3, 0])
    const stopRelay = site.relay()
    const worker = new Worker(app, { concurrency: 2 })
    const stopped = worker.run()
    assert.deepEqual([await chained.get({ timeout: '20s' }), await summed.get({ timeout: '20s' })], [6, 6])
    worker.stop()
    await Promise.all([stopped, stopRelay()])
  })
})
