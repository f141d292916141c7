import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  Celeriac,
  currentTask,
  Ignore,
  Reject,
  TaskError,
  TaskRevoked,
  Worker,
  type TaskContext,
} from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'

const quiet = createLogger({ level: 'silent' })

/** An app over memory with a worker that runs until the body is done. */
async function withWorker(
  define: (app: Celeriac) => void,
  body: (app: Celeriac) => Promise<void>,
  settings: object = {},
): Promise<void> {
  const app = new Celeriac('test', { broker: 'memory:', backend: 'memory:', logger: quiet, settings })
  define(app)
  const worker = new Worker(app, { concurrency: 4 })
  const running = worker.run()
  try {
    await worker.ready
    await body(app)
  } finally {
    worker.stop('cold')
    await running
    await app.close()
  }
}

describe('a task over memory', () => {
  it('is called, runs in the worker and gives its result', async () => {
    await withWorker(
      (app) => void app.task('demo.add', (x: number, y: number) => x + y),
      async (app) => {
        const result = await app.send<number>('demo.add', [2, 3])
        assert.equal(await result.get({ timeout: '5s' }), 5)
        assert.equal(await result.state(), 'SUCCESS')
      },
    )
  })

  it('retries and then succeeds', async () => {
    await withWorker(
      (app) =>
        void app.task('demo.flaky', { retryDelay: '10ms', maxRetries: 3 }, function (this: TaskContext, x: number) {
          if (this.request.retries < 2) this.retry({ error: new Error('not yet') })
          return x + currentTask().request.retries
        }),
      async (app) => {
        const result = await app.send<number>('demo.flaky', [40])
        assert.equal(await result.get({ timeout: '5s' }), 42)
      },
    )
  })

  it('fails with what it threw, described', async () => {
    await withWorker(
      (app) =>
        void app.task('demo.fail', () => {
          throw new RangeError('too far')
        }),
      async (app) => {
        const result = await app.send('demo.fail')
        await assert.rejects(
          result.get({ timeout: '5s' }),
          (error) => error instanceof TaskError && error.type === 'RangeError' && error.message.includes('too far'),
        )
      },
    )
  })

  it('is dropped when it was revoked while it waited', async () => {
    await withWorker(
      (app) => void app.task('demo.never', () => assert.fail('ran')),
      async (app) => {
        const result = await app.send('demo.never', [], { countdown: '200ms' })
        await result.revoke()
        await assert.rejects(result.get({ timeout: '5s' }), TaskRevoked)
      },
    )
  })

  it('can be ignored or rejected by its body', async () => {
    await withWorker(
      (app) => {
        app.task('demo.ignore', () => {
          throw new Ignore()
        })
        app.task('demo.reject', () => {
          throw new Reject('broken')
        })
      },
      async (app) => {
        const ignored = await app.send('demo.ignore')
        await app.send('demo.reject')
        const broker = await app.openBroker()
        while ((await broker.count('celery.dead')) === 0) await new Promise((resolve) => setTimeout(resolve, 10))
        assert.equal(await ignored.state(), 'PENDING')
        const [letter] = (await broker.peek?.('celery.dead', { offset: 0, limit: 1 })) ?? []
        assert.equal((letter?.headers['x-celeriac-death'] as { reason: string }).reason, 'broken')
      },
    )
  })
})
