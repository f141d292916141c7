import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { Celeriac, chain, chord, group, Worker, type AsyncResult } from '../../src/index.ts'
import { publishChannel, runChannel } from '../../src/app/tracing.ts'
import { traceTasks } from '../../src/opentelemetry/opentelemetry.ts'
import { createLogger } from '../../src/util/logger.ts'
import { until } from '../support/until.ts'
import { readSpans, type WrittenSpan } from './tracing/span-file.ts'

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-tracing-'))
const file = path.join(folder, 'spans')
process.env['TRACING_FILE'] = file
process.env['TRACING_URL'] = `sqlite:${path.join(folder, 'queue.db')}`
const tasks = await import('./tracing/app.ts')
const { app, tracing } = tasks
const here = trace.getTracer('test')

/** The spans of one trace, once `count` of them have ended. */
async function traceOf(traceId: string, count: number): Promise<WrittenSpan[]> {
  const spans = (): WrittenSpan[] => readSpans(file).filter((span) => span.traceId === traceId)
  await until(`${count} spans of the trace have ended`, () => spans().length >= count)
  assert.equal(
    spans().length,
    count,
    spans()
      .map(({ name }) => name)
      .join(', '),
  )
  return spans()
}

/** Does something inside a span and gives the trace: that span, and `count` others. */
async function within(count: number, work: () => Promise<unknown>): Promise<WrittenSpan[]> {
  const traceId = await here.startActiveSpan('request', async (span) => {
    await work()
    span.end()
    return span.spanContext().traceId
  })
  return traceOf(traceId, count + 1)
}

/** `request > apply_async/a > run/a`: names from the root to a span. */
function lineage(spans: readonly WrittenSpan[], span: WrittenSpan | undefined): string {
  if (!span) return '?'
  if (span.parentId === undefined) return span.name
  return `${lineage(
    spans,
    spans.find(({ spanId }) => spanId === span.parentId),
  )} > ${span.name}`
}

function lineages(spans: readonly WrittenSpan[]): string[] {
  return spans.map((span) => lineage(spans, span)).toSorted()
}

function named(spans: readonly WrittenSpan[], name: string): WrittenSpan {
  return spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`)
}

async function done(result: AsyncResult): Promise<void> {
  await until('it is over', () => result.ready())
}

after(async () => {
  tracing[Symbol.dispose]()
  await app.close()
  await rm(folder, { recursive: true, force: true })
})

function describePool(pool: 'async' | 'threads' | 'processes'): void {
  describe(`traces of tasks in the pool ${pool} of another process`, () => {
    let worker: ChildProcess | undefined
    before(async () => {
      worker = fork(path.join(import.meta.dirname, 'tracing/worker.ts'), {
        env: { ...process.env, TRACING_POOL: pool },
      })
      await once(worker, 'message')
    })
    after(async () => {
      if (worker?.exitCode === null) {
        worker.kill('SIGTERM')
        await once(worker, 'exit')
      }
    })

    it('a run is a child of the call', async () => {
      let result: AsyncResult | undefined
      const spans = await within(2, async () => done((result = await tasks.add.delay(2, 3))))
      assert.deepEqual(lineages(spans), [
        'request',
        'request > apply_async/tracing.add',
        'request > apply_async/tracing.add > run/tracing.add',
      ])
      const [call, run] = [named(spans, 'apply_async/tracing.add'), named(spans, 'run/tracing.add')]
      assert.deepEqual([call.kind, run.kind], [SpanKind.PRODUCER, SpanKind.CONSUMER])
      assert.notEqual(call.pid, run.pid)
      assert.deepEqual(run.attributes, {
        'celery.action': 'run',
        'celery.task_name': 'tracing.add',
        'celery.hostname': 'traced@test',
        'celery.state': 'SUCCESS',
        'messaging.system': 'celery',
        'messaging.message.id': result?.id,
        'messaging.conversation_id': result?.id,
        'messaging.destination': 'celery',
        'messaging.destination_kind': 'queue',
        'messaging.destination.name': 'celery',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'run',
      })
      assert.equal(call.attributes['celery.action'], 'apply_async')
      assert.equal(call.attributes['messaging.message.id'], result?.id)
    })

    it('what a body does is a child of its run: spans by hand, calls and what they run', async () => {
      const spans = await within(5, () => tasks.parent.delay())
      assert.deepEqual(
        lineages(spans).at(-1),
        [
          'request',
          'apply_async/tracing.parent',
          'run/tracing.parent',
          'by hand',
          'apply_async/tracing.add',
          'run/tracing.add',
        ].join(' > '),
      )
    })

    it('each retry is a child of the attempt before, with the reason', async () => {
      const spans = await within(6, () => tasks.flaky.delay())
      const once = ' > apply_async/tracing.flaky > run/tracing.flaky'
      assert.equal(lineages(spans).at(-1), `request${once.repeat(3)}`)
      const runs = spans.filter(({ name }) => name === 'run/tracing.flaky')
      assert.deepEqual(
        runs.map(({ attributes }) => [
          attributes['celery.retries'],
          attributes['celery.state'],
          attributes['celery.retry.reason'],
        ]),
        [
          [undefined, 'RETRY', 'attempt 0'],
          [1, 'RETRY', 'attempt 1'],
          [2, 'SUCCESS', undefined],
        ],
      )
    })

    it('the steps of a chain follow each other', async () => {
      const spans = await within(6, () => chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.add.s(4)).delay())
      assert.equal(lineages(spans).at(-1), `request${' > apply_async/tracing.add > run/tracing.add'.repeat(3)}`)
    })

    it('the body of a chord belongs to the trace of its members', async () => {
      const spans = await within(6, () => chord(group([tasks.add.s(1, 2), tasks.add.s(3, 4)]), tasks.sum.s()).delay())
      const body = 'request > apply_async/tracing.add > apply_async/tracing.sum > run/tracing.sum'
      assert.ok(lineages(spans).includes(body), lineages(spans).join('\n'))
    })

    it('an error is recorded, unless the task expects it', async () => {
      const failed = named(await within(2, () => tasks.fail.delay()), 'run/tracing.fail')
      assert.deepEqual(failed.status, { code: SpanStatusCode.ERROR, message: 'no such price' })
      const [event] = failed.events
      assert.equal(event?.name, 'exception')
      assert.equal(event.attributes?.['exception.type'], 'TypeError')
      assert.match(String(event.attributes['exception.stacktrace']), /tracing\/app\.ts/)
      const expected = named(await within(2, () => tasks.expected.delay()), 'run/tracing.expected')
      assert.deepEqual([expected.status.code, expected.attributes['celery.state']], [SpanStatusCode.UNSET, 'FAILURE'])
      const ignored = named(await within(2, () => tasks.ignore.delay()), 'run/tracing.ignore')
      assert.equal(ignored.attributes['celery.state'], 'IGNORED')
    })
  })
}

for (const pool of ['async', 'threads', 'processes'] as const) describePool(pool)

describe('traces of calls', () => {
  it('many calls at once have a span and a context each', async () => {
    const results: AsyncResult[] = []
    const spans = await within(3, async () =>
      results.push(
        ...(await tasks.add.delayMany([
          [1, 2],
          [3, 4],
          [5, 6],
        ])),
      ),
    )
    const calls = spans.filter(({ name }) => name === 'apply_async/tracing.add')
    assert.deepEqual(
      calls.map(({ attributes }) => String(attributes['messaging.message.id'])).toSorted(),
      results.map(({ id }) => id).toSorted(),
    )
    const broker = await app.openBroker()
    const messages = (await broker.peek?.('celery', { offset: 0, limit: 10 })) ?? []
    const parents = messages.map(({ headers }) => String(headers['traceparent']))
    assert.deepEqual(parents.toSorted(), calls.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`).toSorted())
    await broker.purge('celery')
  })

  it('are made once, however often traceTasks is called', async () => {
    using _ = traceTasks()
    await within(1, () => tasks.add.delay(1, 2))
    await (await app.openBroker()).purge('celery')
  })

  it('that fail have the error', async () => {
    const off = app.on('beforeTaskPublish', ({ headers }) => {
      headers['cyclic'] = {
        toJSON: () => {
          throw new Error('cannot be written')
        },
      }
    })
    const spans = await within(1, () => assert.rejects(tasks.add.delay(1, 2)))
    off()
    assert.equal(named(spans, 'apply_async/tracing.add').status.code, SpanStatusCode.ERROR)
  })

  it('end with what traceTasks returned: messages are as without it', async () => {
    tracing[Symbol.dispose]()
    assert.deepEqual([publishChannel.hasSubscribers, runChannel.hasSubscribers], [false, false])
    await within(0, () => tasks.add.delay(1, 2))
    const broker = await app.openBroker()
    const [message] = (await broker.peek?.('celery', { offset: 0, limit: 1 })) ?? []
    assert.equal(message?.headers['traceparent'], undefined)
    await broker.purge('celery')
  })

  it('with useSpanLinks a run begins a trace of its own, linked to the call', async () => {
    using _ = traceTasks({ useSpanLinks: true })
    await using own = new Celeriac('links', {
      broker: 'memory:',
      backend: 'memory:',
      logger: createLogger({ level: 'silent' }),
    })
    const linked = own.task('tracing.linked', () => 1)
    const worker = new Worker(own)
    const stopped = worker.run()
    await worker.ready
    const spans = await within(1, async () => (await linked.delay()).get({ timeout: '5s' }))
    worker.stop()
    await stopped
    const run = named(readSpans(file), 'run/tracing.linked')
    assert.equal(run.parentId, undefined)
    assert.deepEqual(run.links, [named(spans, 'apply_async/tracing.linked').spanId])
  })

  it('that are eager run inside the trace of who calls', async () => {
    using _ = traceTasks()
    const settings = { task_always_eager: true }
    await using own = new Celeriac('eager', {
      broker: 'memory:',
      backend: 'memory:',
      logger: createLogger({ level: 'silent' }),
      settings,
    })
    const eager = own.task('tracing.eager', () => 1)
    const spans = await within(1, () => eager.delay())
    assert.deepEqual(lineages(spans), ['request', 'request > run/tracing.eager'])
  })
})
