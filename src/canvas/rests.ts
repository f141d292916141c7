import type { Celeriac } from '../app/app.ts'
import type { ResultBackend } from '../backends/backend.ts'
import { WorkflowLost } from '../errors.ts'
import type { Following } from '../pools/pool.ts'
import { decodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import type { TaskBody } from '../protocol/task-body.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'
import { loadJson } from '../protocol/typed-json.ts'
import { abandon } from './abandon.ts'
import { frozen } from './freeze.ts'
import { asPart, type Part } from './parts.ts'
import { noPlace, Planner, withFirstArgument } from './plan.ts'
import { decodeRest, type KeptPart, type RestEnd } from './rest.ts'
import { withLastId } from './last-id.ts'

/** A message of `celeriac.rest`. */
export interface RestMessage {
  readonly headers: TaskHeaders
  readonly body: TaskBody
  readonly isRedelivered: boolean
  /** Of the message. */
  readonly priority?: number | undefined
}

type Parts = Pick<ResultBackend, 'workflowPart' | 'store'>

const noFollowing: Following = {}

/**
 * Puts what the result backend keeps of a workflow in the place of the task that stands for it: with its id, its place in
 * a chord, and the task before it as parent. A part is used once, however often its message comes.
 */
export class Rests {
  readonly #app: Celeriac
  readonly #backend: Parts

  constructor(app: Celeriac, backend: Parts) {
    this.#app = app
    this.#backend = backend
  }

  /** What follows: the first messages of the part, or its end. Throws WorkflowLost if it is not kept any more. */
  async goOn(message: RestMessage): Promise<Following> {
    const { headers, body, priority } = message
    const rest = decodeRest(body.kwargs)
    const data = await this.#read(rest, message)
    if (!data) return noFollowing
    if (rest.end) return this.#end(data, rest, rest.end, message)
    const [value] = body.args
    const { id, rootId = id, parentId } = headers
    const { chain } = body.embed
    const planner = new Planner(this.#app, { dispatch: 'now' })
    const around = { part: partOf(message), chain: chain ?? [], inChain: chain !== null }
    const place = { ...noPlace, ...around, rootId, parentId, parentPriority: priority }
    planner.add(frozen(withFirstArgument(data, value)), place)
    await planner.prepare()
    return { successors: await this.#app.publisher.outgoing(planner.plan.calls), used: [rest] }
  }

  /** The part will not run, because its message ended so. Throws as `goOn` does. */
  async end(message: RestMessage, end: RestEnd): Promise<Following> {
    const rest = decodeRest(message.body.kwargs)
    const data = await this.#read(rest, message)
    return data ? this.#end(data, rest, rest.end ?? end, message) : noFollowing
  }

  async #end(data: SignatureData, rest: KeptPart, end: RestEnd, message: RestMessage): Promise<Following> {
    const { headers, isRedelivered } = message
    const { id, rootId = id, parentId = id } = headers
    const part = partOf(message)
    const whole = part ? asPart(data, part) : data
    const how = { ...end, rootId, parentId, isRedelivered }
    const { outgoing, parts } = await abandon(this.#app, (meta) => this.#backend.store(meta), whole, how)
    return { successors: outgoing, parts, used: [rest] }
  }

  /** Undefined for a part that is used: the message came twice. */
  async #read(
    { workflowId, part, size }: KeptPart & { readonly size: number },
    { headers }: RestMessage,
  ): Promise<SignatureData | undefined> {
    const text = await this.#backend.workflowPart(workflowId, part)
    if (text === null) return undefined
    if (text === undefined) {
      throw new WorkflowLost(
        `part ${part} of workflow ${workflowId} is not in the result backend: it was flushed or expired, or this worker ` +
          'uses another result backend than the program that started the workflow',
      )
    }
    const data = decodeSignature(loadJson(text))
    return size === 1 ? withLastId(data, headers.id) : data
  }
}

function partOf({ headers: { group, groupIndex }, body: { embed } }: RestMessage): Part | undefined {
  return group === undefined ? undefined : { groupId: group, index: groupIndex, chord: embed.chord }
}
