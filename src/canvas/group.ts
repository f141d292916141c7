import {
  checkSignature,
  Signature,
  type AnySignature,
  type HandleOf,
  type ResultOf,
  type TakesOf,
} from '../app/signature.ts'
import { currentApp } from '../app/shared-task.ts'
import { runWorkflow } from './apply.ts'
import type { GroupResult } from './group-result.ts'
import { groupOf } from './compose.ts'

/** The results of the members, those of groups among them each for itself. */
type Results<S extends readonly unknown[]> = S extends readonly [infer First, ...infer Rest]
  ? [...(HandleOf<First> extends GroupResult<infer Inner> ? Inner : [ResultOf<First>]), ...Results<Rest>]
  : S extends readonly []
    ? []
    : ResultOf<S[number]>[]

type TakesOfAll<S extends readonly unknown[]> = S extends readonly [infer First, ...infer Rest]
  ? Rest extends readonly []
    ? TakesOf<First>
    : TakesOf<First> & TakesOfAll<Rest>
  : TakesOf<S[number]>

/** Signatures that run side by side. */
export type Group<S extends readonly unknown[]> = Signature<TakesOfAll<S>, Results<S>, GroupResult<Results<S>>>

/**
 * Calls side by side, all with the arguments that they still take. Its result is the list of theirs, in their order; the
 * members of a group in a group count as members. Also takes any iterable of signatures.
 *
 * @example
 * const sums = await group(add.s(1, 1), add.s(2, 2)).delay()
 * await sums.get() // [2, 4]
 */
export function group<R>(members: Iterable<Signature<[], R>>): Signature<[], R[], GroupResult<R[]>>
export function group<const S extends readonly AnySignature[]>(...members: S): Group<S>
export function group(...given: readonly (AnySignature | Iterable<AnySignature>)[]): AnySignature {
  const members = given.flatMap((one) => (isList(one) ? [...one] : [one]))
  for (const member of members) checkSignature(member, 'group()')
  const appOf = members[0]?.parts.appOf ?? currentApp
  return new Signature({ data: groupOf(members.map(({ data }) => data)), appOf, run: runWorkflow })
}

function isList(given: AnySignature | Iterable<AnySignature>): given is Iterable<AnySignature> {
  return typeof (given as Partial<Iterable<AnySignature>> | null)?.[Symbol.iterator] === 'function'
}
