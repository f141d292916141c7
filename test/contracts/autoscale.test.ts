import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Worker, type Celeriac } from '../../src/index.ts'
import {
  gate,
  memoryStore,
  openHarness,
  recordingLogger,
  sqliteStore,
  until,
  type LogLine,
} from '../support/worker-harness.ts'

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

interface Span {
  readonly pid: number
  readonly threadId: number
  readonly beganMs: number
  readonly endedMs: number
}

describe('a worker with slots and autoscale', () => {
  let app: Celeriac
  let dispose: () => Promise<void>
  const lines: LogLine[] = []
  before(async () => {
    const store = await sqliteStore.open()
    dispose = store.dispose
    app = (await import('./pool-app/app.ts')).app
    app.setLogger(recordingLogger(lines))
    app.configFromObject({ broker_url: store.broker, result_backend: store.backend })
  })
  after(async () => {
    await app.close()
    await dispose()
  })

  for (const pool of ['threads', 'processes'] as const) {
    it(`starts more ${pool} when more is to be done, and replaces them after so many tasks`, async () => {
      lines.length = 0
      const worker = new Worker(app, { pool, autoscale: { max: 2, min: 1 }, maxTasksPerChild: 5 })
      const running = worker.run()
      await Promise.race([worker.ready, running])
      const results = await Promise.all(Array.from({ length: 16 }, () => app.send<Span>('pool.span', [150])))
      const spans = await Promise.all(results.map((result) => result.get({ timeout: '30s' })))
      const most = Math.max(...spans.map((span) => spans.filter((other) => isDuring(span.beganMs, other)).length))
      assert.equal(most, 2)
      for (const { pid, threadId } of spans)
        assert.ok(spans.filter((span) => span.pid === pid && span.threadId === threadId).length <= 5)
      assert.ok(lines.some(({ message, fields }) => message.includes('resized') && fields['to'] === 2))
      worker.stop()
      await running
    })
  }
})

function isDuring(timeMs: number, { beganMs, endedMs }: Span): boolean {
  return beganMs <= timeMs && timeMs < endedMs
}
