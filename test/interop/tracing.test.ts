import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { trace } from '@opentelemetry/api'
import { traceTasks } from '../../src/opentelemetry/opentelemetry.ts'
import { readSpans, writeSpansTo, type WrittenSpan } from '../e2e/tracing/span-file.ts'
import { until } from '../support/until.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'

const { skip, open } = await findInterop()

describe("traces with OpenTelemetry's instrumentation of Celery for Python", { skip }, () => {
  let lab: InteropLab
  let folder = ''
  let file = ''
  let tracing: Disposable | undefined

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-interop-spans-'))
    file = path.join(folder, 'spans')
    writeSpansTo(file)
    tracing = traceTasks()
    lab = await open()
    await Promise.all([lab.startPythonWorker({ app: 'traced_app', env: { INTEROP_SPANS: file } }), lab.startWorker()])
  })
  after(async () => {
    tracing?.[Symbol.dispose]()
    await lab[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  /** The trace of a call to Python: `count` spans and that of the caller. */
  async function traced(count: number, task: string, args: readonly unknown[]): Promise<WrittenSpan[]> {
    const traceId = await trace.getTracer('test').startActiveSpan('request', async (span) => {
      await lab.app.send(task, args, { queue: 'py' })
      span.end()
      return span.spanContext().traceId
    })
    const spans = (): WrittenSpan[] => readSpans(file).filter((span) => span.traceId === traceId)
    await until(`${count + 1} spans have ended`, () => spans().length > count)
    return spans()
  }

  function lineage(spans: readonly WrittenSpan[], span: WrittenSpan | undefined): string[] {
    if (!span) return ['?']
    if (!span.parentId) return [span.name]
    return [
      ...lineage(
        spans,
        spans.find(({ spanId }) => spanId === span.parentId),
      ),
      span.name,
    ]
  }

  it('a call from TypeScript to Python and back is one trace', async () => {
    const spans = await traced(4, 'py.calls', ['ts.add', 1, 2])
    const last = spans.find(({ name }) => name === 'run/ts.add')
    const path = ['request', 'apply_async/py.calls', 'run/py.calls', 'apply_async/ts.add', 'run/ts.add']
    assert.deepEqual(lineage(spans, last), path)
    const pids = path.map((name) => spans.find((span) => span.name === name)?.pid === process.pid)
    assert.deepEqual(pids, [true, true, false, false, true])
  })

  it('both sides write the same names and attributes', async () => {
    const spans = await traced(4, 'py.calls', ['ts.add', 1, 2])
    const about = (name: string): object => {
      const { attributes, kind } = spans.find((span) => span.name === name) ?? assert.fail(name)
      const names = ['celery.action', 'celery.state', 'messaging.destination'].filter((each) => each in attributes)
      return { kind, ...Object.fromEntries(names.map((each) => [each, attributes[each]])) }
    }
    assert.deepEqual({ ...about('run/py.calls'), 'messaging.destination': 'ts' }, about('run/ts.add'))
    assert.deepEqual({ ...about('apply_async/py.calls'), 'messaging.destination': 'ts' }, about('apply_async/ts.add'))
    for (const { name, attributes } of spans.filter(({ name }) => name !== 'request')) {
      assert.equal(attributes['celery.task_name'], name.replace(/^.*\//, ''))
      assert.equal(typeof attributes['messaging.message.id'], 'string')
    }
  })

  it('the header is where Celery has it', async () => {
    const result = await trace.getTracer('test').startActiveSpan('request', async (span) => {
      const sent = await lab.app.send<string>('py.seen', [], { queue: 'py' })
      span.end()
      return { traceparent: await sent.get({ timeout: '15s' }), traceId: span.spanContext().traceId }
    })
    assert.match(result.traceparent, new RegExp(`^00-${result.traceId}-[0-9a-f]{16}-01$`))
  })

  it('retries in Python go on in the trace', async () => {
    const spans = await traced(6, 'py.retried', [2])
    const runs = spans.filter(({ name }) => name === 'run/py.retried')
    assert.equal(runs.length, 3)
    const deepest = Math.max(...runs.map((run) => lineage(spans, run).length))
    assert.equal(deepest, 7)
  })
})
