import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Worker } from '../../src/index.ts'
import { sqliteStore } from '../support/worker-harness.ts'
import { app } from './pool-app/app.ts'

describe('tasks with isolate, in a worker with one event loop', () => {
  let worker: Worker
  let running: Promise<void>
  let dispose: () => Promise<void>

  before(async () => {
    const store = await sqliteStore.open()
    dispose = store.dispose
    app.configFromObject({ broker_url: store.broker, worker_isolated_concurrency: 1, worker_max_tasks_per_child: 1000 })
    worker = new Worker(app, { concurrency: 4 })
    running = worker.run()
    await Promise.race([worker.ready, running])
  })
  after(async () => {
    worker.stop('cold')
    await running
    await app.close()
    await dispose()
  })

  const get = async (task: string, ...args: readonly unknown[]): Promise<unknown> =>
    (await app.send(task, args)).get({ timeout: '15s' })

  it('run in a thread or a process, the others in the event loop', async () => {
    const here = { pid: process.pid, threadId: 0 }
    assert.deepEqual(await get('pool.where'), here)
    const isolated = (await get('pool.isolated', 0)) as typeof here
    assert.ok(isolated.pid === here.pid && isolated.threadId !== 0)
    const apart = (await get('pool.apart')) as typeof here
    assert.ok(apart.pid !== here.pid)
  })

  it('hold up no others, neither while they compute nor while many of them wait', async () => {
    const order: string[] = []
    const note = async (name: string, result: Promise<unknown>): Promise<void> => {
      await result.catch((error: Error) => assert.match(error.message, /TimeLimitExceeded/))
      order.push(name)
    }
    const isolated = [note('spinning', get('pool.isolatedSpin'))]
    for (let n = 0; n < 30; n++) isolated.push(note('isolated', get('pool.isolated', 20)))
    await note('plain', get('pool.add', 1, 2))
    await Promise.all(isolated)
    assert.equal(order[0], 'plain', order.join())
    assert.equal(order.length, 32)
  })
})
