import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celeriac, Worker } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { until } from '../support/worker-harness.ts'

/** An app configured as a Django project does it, from an object that holds other settings too. */
function appWith(settings: Record<string, unknown>): Celeriac {
  const base = { CELERY_BROKER_URL: 'memory:', CELERY_RESULT_BACKEND: 'memory:', DEBUG: true, INSTALLED_APPS: ['shop'] }
  return new Celeriac('django', { logger: createLogger({ level: 'silent' }) }).configFromObject(
    { ...base, ...settings },
    { namespace: 'CELERY' },
  )
}

async function withWorker(app: Celeriac, body: (worker: Worker) => Promise<void>): Promise<void> {
  const worker = new Worker(app)
  const running = worker.run()
  try {
    await Promise.race([worker.ready, running])
    await body(worker)
  } finally {
    worker.stop('cold')
    await running
    await app.close()
  }
}

describe('the settings of Celery’s Django page', () => {
  it('CELERY_TIMEZONE is the zone of times without one, and must exist', async () => {
    const app = appWith({ CELERY_TIMEZONE: 'Australia/Tasmania' })
    await app.send('demo.any', [], { eta: '2099-01-01T10:00:00' })
    const [message] = (await (await app.openBroker()).peek?.('celery', { offset: 0, limit: 1 })) ?? []
    assert.equal(message?.headers['eta'], '2098-12-31T23:00:00.000+00:00')
    assert.throws(
      () => appWith({ CELERY_TIMEZONE: 'Australia/Tasmanien' }).config,
      /CELERY_TIMEZONE.*Australia\/Tasmanien/,
    )
  })

  it('CELERY_TASK_TRACK_STARTED stores STARTED', async () => {
    const app = appWith({ CELERY_TASK_TRACK_STARTED: true })
    const wait = app.task('demo.wait', () => sleep(300))
    await withWorker(app, async () => {
      const result = await wait.delay()
      await until('it is STARTED', async () => (await result.state()) === 'STARTED')
    })
  })

  it('CELERY_TASK_TIME_LIMIT ends what takes longer', async () => {
    const app = appWith({ CELERY_TASK_TIME_LIMIT: 0.1 })
    const wait = app.task('demo.wait', () => sleep(2000, undefined, { ref: false }))
    await withWorker(app, async () => {
      await assert.rejects((await wait.delay()).get({ timeout: '5s' }), /TimeLimitExceeded/)
    })
  })

  it('CELERY_TASK_ALWAYS_EAGER runs calls where they are made', async () => {
    const app = appWith({ CELERY_TASK_ALWAYS_EAGER: true })
    const pid = app.task('demo.pid', () => process.pid)
    assert.equal(await (await pid.delay()).get(), process.pid)
    assert.equal(await (await app.openBroker()).count('celery'), 0)
  })

  it('CELERY_BROKER_URL says where messages go', async () => {
    const app = appWith({ CELERY_BROKER_URL: 'memory:django-settings' })
    const other = new Celeriac('other', { broker: 'memory:django-settings' })
    await app.openBroker()
    await other.send('demo.any')
    assert.equal(await (await app.openBroker()).count('celery'), 1)
    await Promise.all([app.close(), other.close()])
  })

  it('CELERY_WORKER_CONCURRENCY is how many bodies run at once', async () => {
    const app = appWith({ CELERY_WORKER_CONCURRENCY: 3 })
    let [running, most] = [0, 0]
    const wait = app.task('demo.wait', async () => {
      most = Math.max(most, ++running)
      await sleep(30)
      running--
    })
    await withWorker(app, async (worker) => {
      assert.equal(worker.concurrency, 3)
      const results = await wait.delayMany(Array.from({ length: 12 }, () => [] as const))
      await Promise.all(results.map((result) => result.get({ timeout: '5s' })))
      assert.equal(most, 3)
    })
  })

  it('CELERY_IMPORTS are the modules a worker loads', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-imports-'))
    const file = path.join(folder, 'imported.mts')
    const index = path.resolve(import.meta.dirname, '../../src/index.ts')
    await writeFile(
      file,
      `import { sharedTask } from ${JSON.stringify(index)}\nsharedTask('django.imported', (): string => 'imported')\n`,
    )
    const app = appWith({ CELERY_IMPORTS: [file] })
    await withWorker(app, async () => {
      assert.equal(await (await app.send('django.imported')).get({ timeout: '5s' }), 'imported')
    })
    await rm(folder, { recursive: true })
  })

  it('CELERY_RESULT_BACKEND says where results are kept, or that they are not', async () => {
    const app = appWith({ CELERY_RESULT_BACKEND: 'memory:django-results' })
    const reader = new Celeriac('reader', { broker: 'memory:', backend: 'memory:django-results' })
    await reader.openBackend()
    const one = app.task('demo.one', () => 1)
    await withWorker(app, async () => {
      const { id } = await one.delay()
      assert.equal(await reader.result(id).get({ timeout: '5s' }), 1)
    })
    await reader.close()
    const none = appWith({ CELERY_RESULT_BACKEND: 'disabled:' })
    await assert.rejects((await none.send('demo.any')).get(), /no result backend/)
    await none.close()
  })
})
