import type { Celeriac } from '../app/app.ts'
import { currentTask } from '../app/context.ts'
import type { AnySignature, Signature } from '../app/signature.ts'
import { withReferences } from '../app/signature-references.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { decodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import type { Finished } from './chord-part.ts'
import { frozen, leafIds } from './freeze.ts'
import type { Part } from './parts.ts'
import { noPlace, Planner } from './plan.ts'
import { chordOf } from './compose.ts'
import { withLastId } from './last-id.ts'
import { linked } from './links.ts'
import { simplified } from './simplify.ts'

/** What leaves the body of a task that is replaced. */
export class Replaced extends Error {
  readonly data: SignatureData

  constructor(data: SignatureData) {
    super('replaced')
    this.data = data
  }
}

/**
 * Leaves the body of the running task: the signature takes its place, with its id, its callbacks, the rest of its chain
 * and its place in a chord. A group takes it as the list of its results. Rethrow what it throws if you catch it.
 */
export function replace(signature: AnySignature): never {
  currentTask()
  throw new Replaced(signature.data)
}

/** The messages that take the place of a task, which came from `queue`. */
export async function replacement(
  app: Celeriac,
  { headers, embed, priority }: Finished,
  data: SignatureData,
  queue: string,
): Promise<Outgoing[]> {
  const { id, rootId = id, group, groupIndex, replacedTaskNesting } = headers
  const whole = simplified(data)
  const single = whole.kind === 'group' ? chordOf(whole, accumulate(queue)) : whole
  const links = {
    ...(embed.callbacks && { link: embed.callbacks.map(decodeSignature) }),
    ...(embed.errbacks && { linkError: embed.errbacks.map(decodeSignature) }),
  }
  const named = withLastId(linked(single, { options: links }), id)
  const ready = withReferences(frozen(named), { app, committed: false }, 0)
  const part: Part | undefined =
    group === undefined ? undefined : { groupId: group, index: groupIndex, chord: embed.chord }
  const planner = new Planner(app, { dispatch: 'now' }, replacedTaskNesting + 1)
  const chain = embed.chain ?? []
  const place = { ...noPlace, rootId, parentId: id, parentPriority: priority, part, chain }
  planner.add(ready, { ...place, inChain: embed.chain !== null })
  await planner.prepare()
  return app.publisher.outgoing(planner.plan.calls)
}

/** As Celery does: a task that returns its first argument. It runs where the replaced one did. */
function accumulate(queue: string): SignatureData {
  return {
    kind: 'task',
    task: 'celery.accumulate',
    args: [],
    kwargs: { index: 0 },
    options: { queue },
    subtaskType: null,
    immutable: false,
  }
}

/**
 * Adds a task to the chord that the running task is a part of, and sends it: the body waits for it as well. Throws
 * ImproperlyConfigured outside a chord.
 */
export async function addToChord(signature: Signature<[], unknown, unknown>): Promise<void> {
  const { app, embed, request } = currentTask()
  if (!embed?.chord || request.group === undefined)
    throw new ImproperlyConfigured(`addToChord(): ${request.task}[${request.id}] is no part of a chord`)
  const data = withReferences(frozen(simplified(signature.data)), { app, committed: false }, 0)
  const backend = await app.openBackend()
  for (const taskId of leafIds(data)) await backend.extendGroup(request.group, taskId)
  const planner = new Planner(app, { dispatch: 'now' })
  planner.add(data, { ...noPlace, part: { groupId: request.group, index: undefined, chord: embed.chord } })
  await planner.prepare()
  await app.publisher.sendAll(planner.plan.calls)
}
