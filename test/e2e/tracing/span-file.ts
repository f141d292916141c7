import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { context, propagation, trace, type Attributes, type SpanKind, type SpanStatusCode } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'

/** A span that has ended, in whichever process. */
export interface WrittenSpan {
  readonly name: string
  readonly kind: SpanKind
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  readonly links: readonly string[]
  readonly attributes: Attributes
  readonly status: { readonly code: SpanStatusCode; readonly message?: string }
  readonly events: readonly { readonly name: string; readonly attributes?: Attributes }[]
  readonly pid: number
}

/** Sets up OpenTelemetry as a program does. Spans are lines of a file, which several processes write. */
export function writeSpansTo(file: string): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const exporter = {
    export: (spans: readonly ReadableSpan[], done: (result: { readonly code: number }) => void): void => {
      appendFileSync(file, spans.map((span) => `${JSON.stringify(written(span))}\n`).join(''))
      done({ code: 0 })
    },
    shutdown: () => Promise.resolve(),
  }
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
}

export function readSpans(file: string): WrittenSpan[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as WrittenSpan)
}

function written(span: ReadableSpan): WrittenSpan {
  const { traceId, spanId } = span.spanContext()
  const { name, kind, attributes, status, events, parentSpanContext } = span
  return {
    name,
    kind,
    traceId,
    spanId,
    parentId: parentSpanContext?.spanId,
    links: span.links.map((link) => link.context.spanId),
    attributes,
    status,
    events: events.map((event) => ({ name: event.name, ...(event.attributes && { attributes: event.attributes }) })),
    pid: process.pid,
  }
}
