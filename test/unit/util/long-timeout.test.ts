import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Celeriac, currentTask, Worker } from '../../../src/index.ts'
import { setLongTimeout } from '../../../src/util/long-timeout.ts'

it('a timer that is longer than Node can wait rings once, when its time is over', async () => {
  const { promise, resolve } = Promise.withResolvers<number>()
  let rung = 0
  const startedAt = performance.now()
  setLongTimeout(() => resolve(++rung), 300, 100)
  const cleared = setLongTimeout(() => rung++, 350, 100)
  setTimeout(() => clearTimeout(cleared), 200)
  assert.equal(await promise, 1)
  assert.ok(performance.now() - startedAt >= 295)
  await new Promise((done) => setTimeout(done, 250))
  assert.equal(rung, 1)
})

describe('durations of more than 25 days', () => {
  it('do not end a task, a wait for it or a shutdown at once', async () => {
    const warnings: string[] = []
    const onWarning = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', onWarning)
    await using app = new Celeriac('long', { broker: 'memory:' })
    const patient = app.task('long.patient', { timeLimit: '400d', softTimeLimit: '30d' }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return currentTask().signal.aborted
    })
    const worker = new Worker(app, { shutdownTimeout: '30d', heartbeatInterval: '30d' })
    const running = worker.run()
    const result = await patient.delay()
    assert.equal(await result.get({ timeout: '100d' }), false)
    worker.stop()
    await running
    assert.equal(worker.shutdown?.how, 'warm')
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [])
  })
})
