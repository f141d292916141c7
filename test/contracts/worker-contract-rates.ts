import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openHarness, type Store } from '../support/worker-harness.ts'

const numbers = (length: number): number[] => Array.from({ length }, (_, index) => index)

/** Rate limits of a worker, on any store. */
export function describeRates(store: Store): void {
  describe(`worker on ${store.name}: rate limits`, () => {
    it('start one every so often, in the order of the calls', async () => {
      await using harness = await openHarness(store)
      const starts: { readonly x: number; readonly atMs: number }[] = []
      const mail = harness.app.task('demo.mail', { rateLimit: '10/s' }, (x: number) => {
        starts.push({ x, atMs: performance.now() })
      })
      const results = await mail.delayMany(numbers(8).map((x) => [x] as const))
      await harness.startWorker()
      await Promise.all(results.map((result) => result.get({ timeout: '25s' })))
      assert.deepEqual(
        starts.map(({ x }) => x),
        numbers(8),
      )
      const tookMs = (starts.at(-1)?.atMs ?? 0) - (starts[0]?.atMs ?? 0)
      // The first body may begin later after its decision than the last one does.
      assert.ok(tookMs >= 600, `8 starts at 10/s took ${Math.round(tookMs)} ms`)
    })

    it('hold no slot and no place in the window: others run meanwhile', async () => {
      await using harness = await openHarness(store)
      const started: number[] = []
      const rare = harness.app.task('demo.rare', { rateLimit: '1/h' }, (x: number) => void started.push(x))
      const free = harness.app.task('demo.free', (x: number) => x)
      await rare.delayMany(numbers(100).map((x) => [x] as const))
      const results = await free.delayMany(numbers(20).map((x) => [x] as const))
      await harness.startWorker({ concurrency: 1, prefetchMultiplier: 1 })
      await Promise.all(results.map((result) => result.get({ timeout: '25s' })))
      assert.deepEqual(started, [0])
      const broker = await harness.app.openBroker()
      assert.equal(await broker.count('celery'), 99)
    })

    it('count for tasks without one of their own by task_default_rate_limit, unless they are switched off', async () => {
      for (const [settings, waiting] of [
        [{ taskDefaultRateLimit: '1/h' }, 4],
        [{ taskDefaultRateLimit: '1/h', workerDisableRateLimits: true }, 0],
      ] as const) {
        await using harness = await openHarness(store, settings)
        const task = harness.app.task('demo.any', (x: number) => x)
        const unlimited = harness.app.task('demo.unlimited', { rateLimit: 0 }, (x: number) => x)
        await task.delayMany(numbers(5).map((x) => [x] as const))
        const last = await unlimited.delay(1)
        await harness.startWorker({ concurrency: 1 })
        await last.get({ timeout: '25s' })
        assert.equal(await (await harness.app.openBroker()).count('celery'), waiting)
      }
    })
  })
}
