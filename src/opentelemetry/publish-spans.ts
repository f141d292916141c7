import { context, SpanKind, SpanStatusCode, trace, type Span, type Tracer } from '@opentelemetry/api'
import type { PublishTrace } from '../app/tracing.ts'
import { publishAttributes } from './attributes.ts'
import { claim, enter, writeContext } from './carrier.ts'

/** What a channel adds to a trace whose work has failed. */
interface Failed {
  readonly error?: unknown
}

/** `apply_async/<task>` for each message that is published. Its context goes into the headers. */
export class PublishSpans {
  readonly #tracer: Tracer
  readonly #spans = new WeakMap<PublishTrace, readonly Span[]>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  readonly start = (published: PublishTrace): void => {
    if (!claim(published)) return
    const active = context.active()
    const spans = published.messages.map((message) => {
      const options = { kind: SpanKind.PRODUCER, attributes: publishAttributes(message) }
      const span = this.#tracer.startSpan(`apply_async/${message.taskName}`, options, active)
      writeContext(message.headers, trace.setSpan(active, span))
      return span
    })
    this.#spans.set(published, spans)
    const [first] = spans
    if (first && spans.length === 1) enter(published, trace.setSpan(active, first))
  }

  readonly error = (published: PublishTrace & Failed): void => {
    const { error } = published
    for (const span of this.#spans.get(published) ?? []) {
      const thrown = error instanceof Error ? error : new Error(String(error))
      span.recordException(thrown)
      span.setStatus({ code: SpanStatusCode.ERROR, message: thrown.message })
    }
  }

  readonly asyncEnd = (published: PublishTrace): void => {
    for (const span of this.#spans.get(published) ?? []) span.end()
  }
}
