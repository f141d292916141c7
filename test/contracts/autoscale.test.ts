import assert from 'node:assert/strict'
import { it } from 'node:test'
import { gate, memoryStore, openHarness, until } from '../support/worker-harness.ts'

it('a worker with autoscale runs more at once when more is to be done', async () => {
  await using harness = await openHarness(memoryStore)
  const go = gate()
  let [running, most] = [0, 0]
  const slow = harness.app.task('demo.slow', async () => {
    most = Math.max(most, ++running)
    await go.opened
    running--
  })
  const { worker } = await harness.startWorker({ concurrency: undefined, autoscale: { max: 3, min: 1 } } as object)
  assert.equal(worker.concurrency, 3)
  const results = await slow.delayMany([[], [], [], [], []])
  await until('one runs', () => running === 1)
  await until('three run', () => running === 3)
  go.open()
  await Promise.all(results.map((result) => result.get({ timeout: '5s' })))
  assert.equal(most, 3)
  assert.ok(harness.lines.some(({ message }) => message.includes('resized')))
})
