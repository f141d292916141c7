import type { Celeriac } from '../app/app.ts'
import type { Call } from '../app/prepare-call.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { decodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import type { Embed } from '../protocol/task-body.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import { frozen, leafIds } from './freeze.ts'
import { noPlace, Planner, withFirstArgument, type Place } from './plan.ts'
import { groupOf, simplified } from './simplify.ts'

/** A task that is over, with what its message says of its place in a workflow. */
export interface Finished {
  readonly headers: TaskHeaders
  readonly embed: Embed
}

/** What follows a task that is over. */
export interface Followers {
  readonly outgoing: readonly Outgoing[]
  /** Ids of the tasks that it now has as children. */
  readonly children: readonly string[]
}

export const noFollowers: Followers = { outgoing: [], children: [] }

/** Something is to be done when the task is over. */
export function hasFollowers({ callbacks, errbacks, chain, chord }: Embed): boolean {
  return Boolean(callbacks?.length || errbacks?.length || chain?.length || chord)
}

/** After success: the callbacks and the next of the chain, with the result before their arguments. */
export async function afterSuccess(app: Celeriac, finished: Finished, value: unknown): Promise<Followers> {
  const { callbacks, chain } = finished.embed
  const place = placeAfter(finished)
  const followers = callbacksOf(callbacks ?? [], value).map((data) => ({ data, place }))
  const next = chain?.at(-1)
  if (chain && next !== undefined) {
    const data = frozen(withFirstArgument(decodeSignature(next), value))
    followers.push({ data, place: { ...place, chain: chain.slice(0, -1), inChain: true } })
  }
  return followersOf(app, followers)
}

/** Groups stand for themselves; more than one other callback is a group, as Celery makes it. */
function callbacksOf(encoded: readonly unknown[], value: unknown): SignatureData[] {
  const callbacks = encoded.map((one) => withFirstArgument(decodeSignature(one), value))
  if (callbacks.length < 2) return callbacks.map(frozen)
  const groups = callbacks.filter(({ kind }) => kind === 'group')
  const others = callbacks.filter(({ kind }) => kind !== 'group')
  return [...groups, ...(others.length > 0 ? [simplified(groupOf(others))] : [])].map(frozen)
}

function placeAfter({ headers }: Finished): Place {
  return { ...noPlace, rootId: headers.rootId ?? headers.id, parentId: headers.id }
}

async function followersOf(
  app: Celeriac,
  followers: readonly { readonly data: SignatureData; readonly place: Place }[],
): Promise<Followers> {
  if (followers.length === 0) return noFollowers
  const planner = new Planner(app, { dispatch: 'now' })
  for (const { data, place } of followers) planner.add(data, place)
  const calls: readonly Call[] = planner.plan.calls
  return { outgoing: await app.publisher.outgoing(calls), children: followers.flatMap(({ data }) => leafIds(data)) }
}

/** After a failure: the callbacks for errors that are sent, in one group, with the id of the failed task. */
export async function afterFailure(
  app: Celeriac,
  finished: Finished,
  errbacks: readonly unknown[],
): Promise<Followers> {
  if (errbacks.length === 0) return noFollowers
  const callbacks = errbacks.map((one) => withFirstArgument(decodeSignature(one), finished.headers.id))
  return followersOf(app, [{ data: frozen(simplified(groupOf(callbacks))), place: placeAfter(finished) }])
}

/** The tasks that will not run because the one before them did not succeed. */
export function abandoned({ embed }: Finished): SignatureData[] {
  return (embed.chain ?? []).toReversed().map(decodeSignature)
}
