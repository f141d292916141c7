import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel, type TracingChannelSubscribers } from 'node:diagnostics_channel'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { PublishTrace, RunTrace } from '../../src/app/tracing.ts'
import { Celeriac, chord, group, Ignore } from '../../src/index.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { createLogger } from '../../src/util/logger.ts'
import { memoryStore, openHarness, until } from '../support/worker-harness.ts'
import { openTypeOrmLab } from './typeorm-lab.ts'

function subscribe<T extends object>(name: string, handlers: Partial<TracingChannelSubscribers<T>>): Disposable {
  const all = handlers as TracingChannelSubscribers<T>
  tracingChannel<unknown, T>(name).subscribe(all)
  return { [Symbol.dispose]: () => tracingChannel<unknown, T>(name).unsubscribe(all) }
}

describe('the tracing channels', () => {
  it('celeriac.publish: what a subscriber adds to the headers travels, now, after a commit and through the outbox', async () => {
    await using lab = await openTypeOrmLab()
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-traced-'))
    const app = new Celeriac('traced', {
      broker: `sqlite:${path.join(folder, 'queue.db')}`,
      logger: createLogger({ level: 'silent' }),
      settings: { outbox_poll_interval: '10ms' },
    })
    app.models.use(lab.adapter)
    await new Outbox(app).migrate()
    const task = app.task('traced.task', () => 1)
    const seen: string[] = []
    using _ = subscribe<PublishTrace>('celeriac.publish', {
      start: ({ messages }) => {
        for (const { headers, taskName, queue, taskId } of messages) {
          headers['x-traced'] = taskId
          seen.push(`${taskName} to ${queue}`)
        }
      },
    })
    const results = [await task.delay()]
    await lab.transaction(async () => {
      for (const dispatch of ['afterCommit', 'outbox'] as const) results.push(await task.applyAsync([], { dispatch }))
    })
    const stop = new AbortController()
    const relayed = new Outbox(app).run(stop.signal)
    const broker = await app.openBroker()
    await until('all three are there', async () => (await broker.count('celery')) === 3)
    stop.abort()
    await relayed
    const messages = (await broker.peek?.('celery', { offset: 0, limit: 10 })) ?? []
    assert.deepEqual(
      messages.map(({ headers }) => String(headers['x-traced'])).toSorted(),
      results.map(({ id }) => id).toSorted(),
    )
    assert.deepEqual(
      seen,
      Array.from({ length: 3 }, () => 'traced.task to celery'),
    )
    await app.close()
    await rm(folder, { recursive: true })
  })

  it('celeriac.publish tells of what could not be sent', async () => {
    await using harness = await openHarness(memoryStore)
    const errors: unknown[] = []
    using _ = subscribe<PublishTrace & { readonly error?: unknown }>('celeriac.publish', {
      error: ({ error }) => void errors.push(error),
    })
    const off = harness.app.on('beforeTaskPublish', () => {})
    const broker = await harness.app.openBroker()
    await broker[Symbol.asyncDispose]()
    await assert.rejects(harness.app.send('traced.task'))
    off()
    assert.equal(errors.length, 1)
  })

  it('celeriac.run: a body runs inside of what a subscriber puts around it, and its end is told', async () => {
    await using harness = await openHarness(memoryStore)
    const { app } = harness
    const context = new AsyncLocalStorage<string>()
    const inside: (string | undefined)[] = []
    app.task('traced.good', async () => {
      await pause(2)
      inside.push(context.getStore())
      return 'good'
    })
    app.task('traced.bad', () => {
      throw new Error('bad')
    })
    app.task('traced.ignored', () => {
      throw new Ignore('why')
    })
    const told: string[] = []
    using _ = subscribe<RunTrace>('celeriac.run', {
      start: (run) => {
        run.around = (work) => context.run(run.taskId, work)
      },
      asyncEnd: ({ taskName, queue, workerName, result }) =>
        void told.push(`${taskName} of ${queue} at ${workerName.replace(/@.*/, '')}: ${result?.kind}`),
    })
    await harness.startWorker({ name: 'traced@%h' })
    const good = await app.send('traced.good')
    assert.equal(await good.get({ timeout: '5s' }), 'good')
    assert.deepEqual(inside, [good.id])
    for (const name of ['traced.bad', 'traced.ignored']) await app.send(name)
    await until('all is told', () => told.length === 3)
    assert.deepEqual(told.toSorted(), [
      'traced.bad of celery at traced: failed',
      'traced.good of celery at traced: succeeded',
      'traced.ignored of celery at traced: ignored',
    ])
  })

  it('celeriac.follow: the body of a chord is found out for the member that came last', async () => {
    await using harness = await openHarness(memoryStore)
    const { app } = harness
    const one = app.task('traced.one', () => 1)
    const sum = app.task('traced.sum', (numbers: readonly number[]) => numbers.length)
    const followed: unknown[] = []
    using _ = subscribe<{ readonly headers: Readonly<Record<string, unknown>> }>('celeriac.follow', {
      start: ({ headers }) => void followed.push(headers['task']),
    })
    await harness.startWorker()
    const result = await chord(group([one.s(), one.s()]), sum.s()).delay()
    assert.equal(await result.get({ timeout: '5s' }), 2)
    assert.deepEqual(followed, ['traced.one', 'traced.one'])
  })
})
