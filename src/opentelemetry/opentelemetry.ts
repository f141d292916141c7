import type { TracingChannel, TracingChannelSubscribers } from 'node:diagnostics_channel'
import { trace, type TracerProvider } from '@opentelemetry/api'
import { followChannel, publishChannel, runChannel } from '../app/tracing.ts'
import { packageVersion } from '../util/own-files.ts'
import { enterContextOf } from './carrier.ts'
import { PublishSpans } from './publish-spans.ts'
import { RunSpans } from './run-spans.ts'

export interface TraceOptions {
  /** Default: the global one, as it is when spans are made. */
  readonly tracerProvider?: TracerProvider
  /** A run begins a trace of its own, with a link to the call, instead of being a child of it. Default false. */
  readonly useSpanLinks?: boolean
}

/**
 * Makes spans of what this process publishes (`apply_async/<task>`) and runs (`run/<task>`), linked across processes by the
 * headers of the messages: with the names, attributes and headers of Celery's instrumentation for Python. Call it in the
 * module of the app, which slots import too, after the SDK is set up. Disposing of what it returns ends it.
 *
 * @example
 * traceTasks()
 */
export function traceTasks({ tracerProvider, useSpanLinks = false }: TraceOptions = {}): Disposable {
  const tracer = (tracerProvider ?? trace).getTracer('celeriac', packageVersion())
  const ends = new DisposableStack()
  ends.use(subscribe(publishChannel, new PublishSpans(tracer)))
  ends.use(subscribe(runChannel, new RunSpans(tracer, useSpanLinks)))
  ends.use(subscribe(followChannel, { start: enterContextOf }))
  return ends
}

function subscribe<T extends object>(
  channel: TracingChannel<unknown, T>,
  handlers: Partial<TracingChannelSubscribers<T>>,
): Disposable {
  // Node takes some of them alone; its types want all.
  const all = handlers as TracingChannelSubscribers<T>
  channel.subscribe(all)
  return { [Symbol.dispose]: () => channel.unsubscribe(all) }
}
