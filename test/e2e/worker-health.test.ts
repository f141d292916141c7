import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { it } from 'node:test'
import { Celeriac, Worker } from '../../src/index.ts'
import { recordingLogger, until, type LogLine } from '../support/worker-harness.ts'

it('a worker that cannot take messages reports not-ready, and recovers by itself', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-health-'))
  const file = path.join(folder, 'queue.db')
  const lines: LogLine[] = []
  const app = new Celeriac('health', {
    broker: `sqlite:${file}`,
    backend: 'memory:',
    logger: recordingLogger(lines),
    settings: { worker_outage_tolerance: '100ms', broker_transport_options: { busyDeadlineSeconds: 0.2 } },
  })
  const one = app.task('demo.one', () => 1)
  const worker = new Worker(app)
  assert.equal(worker.health.isReady, false)
  const running = worker.run()
  const locker = new DatabaseSync(file)
  try {
    await worker.ready
    assert.equal(worker.health.isReady, true)
    const result = await one.applyAsync([], { countdown: '200ms' })
    locker.exec('BEGIN EXCLUSIVE')
    await until('it is not ready', () => !worker.health.isReady)
    assert.match(worker.health.reason ?? '', /locked/)
    locker.exec('ROLLBACK')
    assert.equal(await result.get({ timeout: '10s' }), 1)
    await until('it is ready again', () => worker.health.isReady)
    assert.ok(lines.some((line) => line.message.startsWith('No messages can be taken')))
    assert.ok(lines.some((line) => line.message.startsWith('Messages can be taken again')))
  } finally {
    locker.close()
    worker.stop('cold')
    await running
    assert.equal(worker.health.isReady, false)
    await app.close()
    await rm(folder, { recursive: true })
  }
})
