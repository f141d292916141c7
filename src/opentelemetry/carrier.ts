import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Context,
  type TextMapGetter,
  type TextMapSetter,
} from '@opentelemetry/api'
import type { FollowTrace } from '../app/tracing.ts'

type Headers = Readonly<Record<string, unknown>>

const getter: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, key) => {
    const value = Object.hasOwn(headers, key) ? headers[key] : undefined
    return typeof value === 'string' ? value : undefined
  },
}

const setter: TextMapSetter<Record<string, unknown>> = {
  set: (headers, key, value) => {
    headers[key] = value
  },
}

/** What the sender of a message wrote into its headers, by the propagators of the program: `traceparent` by default. */
export function contextOf(headers: Headers, base: Context): Context {
  return propagation.extract(base, headers, getter)
}

export function writeContext(into: Record<string, unknown>, from: Context): void {
  propagation.inject(from, into, setter)
}

type Traced = Pick<FollowTrace, 'around'>

const claimed = Symbol.for('celeriac.opentelemetry')

/** False if it has spans already: `traceTasks` was called twice in this process, perhaps in two copies of this package. */
export function claim(traced: Traced): boolean {
  if (claimed in traced) return false
  Object.defineProperty(traced, claimed, { value: true })
  return true
}

/** The traced work runs in a context, inside of what others have put around it. */
export function enter(traced: Traced, inside: Context): void {
  const { around } = traced
  traced.around = (work) => (around ? around(() => context.with(inside, work)) : context.with(inside, work))
}

/** What is done for a message outside its run belongs to the same trace. */
export function enterContextOf(following: FollowTrace): void {
  if (claim(following)) enter(following, contextOf(following.headers, ROOT_CONTEXT))
}
