import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openHarness, redisStore, sqliteStore, until } from '../support/worker-harness.ts'
import type { Store } from '../support/worker-harness.ts'

for (const store of [sqliteStore, await redisStore()]) if (store) describeAbandoned(store)

function describeAbandoned(store: Store): void {
  describe(`a worker on ${store.name} whose slots are all held by bodies that were abandoned`, () => {
    it('says so and leaves messages to others, until a body ends', async () => {
      await using harness = await openHarness(store, { worker_outage_tolerance: '100ms' })
      const { app, lines } = harness
      const deaf = Promise.withResolvers<void>()
      const stuck = app.task('bodies.stuck', { timeLimit: '50ms' }, () => deaf.promise)
      const note = app.task('bodies.note', (n: number) => n)
      const { worker } = await harness.startWorker({ concurrency: 2 })
      const said = (level: string): unknown[] =>
        lines.filter((line) => line.level === level && /abandoned/.test(line.message)).map(({ fields }) => fields)

      const [first, , waiting] = [await stuck.delay(), await stuck.delay(), await note.delay(1)]
      await assert.rejects(first.get({ timeout: '10s' }), /TimeLimitExceeded/)
      await until('it says that it is stuck', () => said('error').length > 0)
      assert.partialDeepStrictEqual(said('error'), [{ slots: 2, tasks: 'bodies.stuck' }])
      await until('it is not ready', () => !worker.health.isReady)
      assert.match(worker.health.reason ?? '', /2 slot\(s\).*bodies\.stuck/)

      const other = await harness.startWorker({ concurrency: 1 })
      assert.equal(await waiting.get({ timeout: '10s' }), 1)
      other.worker.stop()
      await other.stopped

      const later = await note.delay(2)
      deaf.resolve()
      assert.equal(await later.get({ timeout: '10s' }), 2)
      assert.equal(worker.health.isReady, true)
      assert.equal(said('info').length, 1)
    })
  })
}
