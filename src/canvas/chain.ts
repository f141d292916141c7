import {
  checkSignature,
  Signature,
  type AnySignature,
  type HandleOf,
  type ResultOf,
  type TakesOf,
} from '../app/signature.ts'
import { InvalidArguments } from '../errors.ts'
import { runWorkflow } from './apply.ts'
import { chainOf } from './compose.ts'

type Last<S extends readonly unknown[]> = S extends readonly [...unknown[], infer L] ? L : S[number]

/** Each step must take what the one before it gives. */
type Links<S extends readonly unknown[], Before> = S extends readonly [infer First, ...infer Rest]
  ? [
      First extends Signature<[Before], unknown, unknown> ? First : Signature<[Before], unknown, unknown>,
      ...Links<Rest, ResultOf<First>>,
    ]
  : S extends readonly []
    ? []
    : readonly AnySignature[]

type Linked<S extends readonly unknown[]> = S extends readonly [infer First, ...infer Rest]
  ? [First, ...Links<Rest, ResultOf<First>>]
  : readonly AnySignature[]

/** A workflow of steps, one after the other. */
export type Chain<S extends readonly unknown[]> = Signature<
  S extends readonly [infer First, ...unknown[]] ? TakesOf<First> : readonly unknown[],
  ResultOf<Last<S>>,
  HandleOf<Last<S>>
>

/**
 * One step after the other: each gets the result of the one before it, in front of its own arguments. A step that fails
 * ends the chain, and the steps behind it fail as well. What follows a group waits for all of it, and gets the list of
 * its results. The result is that of the last step, whose `parent` is that of the step before it.
 *
 * @example
 * await chain(add.s(1, 2), add.s(3), show.s()).delay()
 */
export function chain<const S extends readonly AnySignature[]>(...steps: S & Linked<S>): Chain<S> {
  const given: readonly AnySignature[] = steps
  for (const step of given) checkSignature(step, 'chain()')
  const [first] = given
  if (!first) throw new InvalidArguments('chain() takes at least one signature, such as chain(add.s(1, 2), show.s())')
  return new Signature({ data: chainOf(given.map(({ data }) => data)), appOf: first.parts.appOf, run: runWorkflow })
}
