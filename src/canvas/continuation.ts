import type { Celeriac } from '../app/app.ts'
import type { TaskRequest } from '../app/context.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { OperationalError } from '../errors.ts'
import type { ChordPart } from '../pools/pool.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { decodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import type { ChildGroup } from '../protocol/result-tuple.ts'
import type { Embed } from '../protocol/task-body.ts'
import { abandon, type Store } from './abandon.ts'
import { partOf, type Finished } from './chord-part.ts'
import { callErrbacks } from './errbacks.ts'
import { childrenOf, frozen } from './freeze.ts'
import { noPlace, Planner, withFirstArgument, type Place } from './plan.ts'
import { groupOf } from './compose.ts'
import { simplified } from './simplify.ts'

/** What follows a task that is over. */
export interface Followers {
  /** Published with its acknowledgement. */
  readonly outgoing: readonly Outgoing[]
  /** What it is for chords, to be reported before that. */
  readonly parts: readonly ChordPart[]
  /** What it now has as children: tasks, and groups. */
  readonly children: readonly (string | ChildGroup)[]
}

export const noFollowers: Followers = { outgoing: [], parts: [], children: [] }

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
  const part = partOf(finished, 'SUCCESS', value)
  return {
    outgoing: await messagesOf(app, followers),
    parts: part ? [part] : [],
    children: followers.flatMap(({ data }): readonly (string | ChildGroup)[] => {
      const children = childrenOf(data)
      return 'groupId' in children ? [children] : children
    }),
  }
}

/** Groups stand for themselves; more than one other callback is a group, as Celery makes it. */
function callbacksOf(encoded: readonly unknown[], value: unknown): SignatureData[] {
  const callbacks = encoded.map((one) => withFirstArgument(decodeSignature(one), value))
  if (callbacks.length < 2) return callbacks.map(frozen)
  const groups = callbacks.filter(({ kind }) => kind === 'group')
  const others = callbacks.filter(({ kind }) => kind !== 'group')
  return [...groups, ...(others.length > 0 ? [simplified(groupOf(others))] : [])].map(frozen)
}

function placeAfter({ headers, priority }: Finished): Place {
  return { ...noPlace, rootId: headers.rootId ?? headers.id, parentId: headers.id, parentPriority: priority }
}

async function messagesOf(
  app: Celeriac,
  followers: readonly { readonly data: SignatureData; readonly place: Place }[],
): Promise<Outgoing[]> {
  if (followers.length === 0) return []
  const planner = new Planner(app, { dispatch: 'now' })
  for (const { data, place } of followers) planner.add(data, place)
  await planner.prepare()
  return app.publisher.outgoing(planner.plan.calls)
}

/** A task that did not succeed. */
export interface Failed extends Finished {
  readonly state: 'FAILURE' | 'REVOKED'
  readonly error: RemoteError
  readonly request: () => TaskRequest
}

/**
 * Ends what hangs on a task that did not succeed: the rest of its chain gets the same state, callbacks for errors are
 * called, chords hear of it. What is wrong with what follows is logged.
 */
export async function afterFailure(app: Celeriac, store: Store, failed: Failed): Promise<Followers> {
  const { embed, headers, state, error, request } = failed
  if (!hasFollowers(embed)) return noFollowers
  const { id: taskId, task: taskName, rootId = taskId } = headers
  const part = partOf(failed, state, error)
  try {
    const rest = (embed.chain ?? []).toReversed().map(decodeSignature)
    const how = { state, error, tells: false, rootId, parentId: taskId, isRedelivered: failed.isRedelivered }
    const ended = []
    for (const data of rest) ended.push(await abandon(app, store, data, how))
    const errbacks = (embed.errbacks ?? []).map((encoded) => ({
      encoded,
      failed: { taskId, taskName, rootId, request },
    }))
    const told = state === 'FAILURE' ? await callErrbacks(app, errbacks, error) : []
    const outgoing = [...told, ...ended.flatMap((one) => one.outgoing)]
    const parts = ended.flatMap((one) => one.parts)
    return { outgoing, parts: part ? [part, ...parts] : parts, children: [] }
  } catch (thrown) {
    if (thrown instanceof OperationalError) throw thrown
    app.log.error({ taskName, taskId, err: thrown }, 'What follows {taskName}[{taskId}] could not be ended')
    return { ...noFollowers, parts: part ? [part] : [] }
  }
}
