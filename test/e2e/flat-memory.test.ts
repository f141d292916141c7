import assert from 'node:assert/strict'
import { it } from 'node:test'
import v8 from 'node:v8'
import vm from 'node:vm'
import { openHarness, sqliteStore } from '../support/worker-harness.ts'

v8.setFlagsFromString('--expose-gc')
const collectGarbage = vm.runInNewContext('gc') as () => void

async function heapAfterGarbage(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

it('the memory of a worker does not grow with the tasks it has run, failed, retried or revoked', async () => {
  await using harness = await openHarness(sqliteStore, { result_expires: '1h' })
  const { app, lines } = harness
  const noop = app.task('demo.noop', (n: number) => n)
  const flaky = app.task('demo.flaky', { autoretryFor: [Error], retryDelay: 0, maxRetries: 1 }, () => {
    throw new Error('always')
  })
  await harness.startWorker({ concurrency: 50 })
  const round = async (): Promise<void> => {
    await noop.delayMany(Array.from({ length: 5000 }, (_, n) => [n] as const))
    const failing = await flaky.delayMany(Array.from({ length: 200 }, () => [] as const))
    const revoked = await noop.applyAsync([1], { countdown: '1h' })
    await revoked.revoke()
    const last = await Promise.allSettled(failing.map((result) => result.get({ timeout: '30s' })))
    assert.ok(last.every(({ status }) => status === 'rejected'))
    lines.length = 0
  }
  await round()
  await round()
  const before = await heapAfterGarbage()
  for (let rounds = 0; rounds < 3; rounds++) await round()
  const grownKb = ((await heapAfterGarbage()) - before) / 1024
  // 15,000 tasks that left 200 bytes each would be 3,000 kB.
  assert.ok(grownKb < 2000, `the heap grew by ${Math.round(grownKb)} kB`)
})
