import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import type { RunTrace } from '../app/tracing.ts'
import { remoteErrorMessage, type RemoteError } from '../protocol/remote-error.ts'
import { runAttributes } from './attributes.ts'
import { claim, contextOf, enter } from './carrier.ts'

type Outcome = NonNullable<RunTrace['result']>

/** `run/<task>` for each attempt, as a child of the call or with a link to it. What the body does goes on inside. */
export class RunSpans {
  readonly #tracer: Tracer
  readonly #usesLinks: boolean
  readonly #spans = new WeakMap<RunTrace, Span>()

  constructor(tracer: Tracer, usesLinks: boolean) {
    this.#tracer = tracer
    this.#usesLinks = usesLinks
  }

  readonly start = (run: RunTrace): void => {
    if (!claim(run)) return
    // The context that a worker was started in has nothing to do with what it runs.
    const base = run.isEager ? context.active() : ROOT_CONTEXT
    const caller = contextOf(run.headers, base)
    const [parent, links] = this.#usesLinks && !run.isEager ? [base, linksTo(caller)] : [caller, []]
    const options = { kind: SpanKind.CONSUMER, attributes: runAttributes(run), links }
    const span = this.#tracer.startSpan(`run/${run.taskName}`, options, parent)
    this.#spans.set(run, span)
    enter(run, trace.setSpan(caller, span))
  }

  readonly asyncEnd = (run: RunTrace): void => {
    const span = this.#spans.get(run)
    if (!span) return
    if (run.result) describe(span, run.result)
    span.end()
  }
}

function linksTo(caller: Context): { readonly context: NonNullable<ReturnType<typeof trace.getSpanContext>> }[] {
  const spanContext = trace.getSpanContext(caller)
  return spanContext ? [{ context: spanContext }] : []
}

function describe(span: Span, outcome: Outcome): void {
  switch (outcome.kind) {
    case 'succeeded':
      span.setAttribute('celery.state', 'SUCCESS')
      break
    case 'failed':
      span.setAttribute('celery.state', 'FAILURE')
      if (!outcome.isExpected) recordFailure(span, outcome.error)
      break
    case 'retried':
      span.setAttribute('celery.state', 'RETRY')
      if (outcome.error) span.setAttribute('celery.retry.reason', remoteErrorMessage(outcome.error))
      break
    case 'ignored':
      span.setAttribute('celery.state', 'IGNORED')
      break
    case 'rejected':
      span.setAttributes({ 'celery.state': 'REJECTED', 'celery.rejected.reason': outcome.reason })
      break
    case 'cancelled':
      span.setAttributes({ 'celery.state': 'REVOKED', 'celery.revoked.reason': outcome.reason })
      break
    case 'timedOut':
      span.setStatus({ code: SpanStatusCode.ERROR, message: `time limit of ${outcome.limitMs / 1000} s exceeded` })
      break
    case 'undecodable':
    case 'lost':
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.reason })
      break
  }
}

function recordFailure(span: Span, error: RemoteError): void {
  const message = remoteErrorMessage(error)
  span.recordException({ name: error.type, message, ...(error.traceback !== undefined && { stack: error.traceback }) })
  span.setStatus({ code: SpanStatusCode.ERROR, message })
}
