import type { Celeriac } from '../app/app.ts'
import type { CallOptions } from '../app/call-options.ts'
import type { Call } from '../app/prepare-call.ts'
import { workflowOf } from '../app/signature-call.ts'
import { withArguments } from '../app/signature.ts'
import {
  decodeSignature,
  encodeSignature,
  type ChordSignature,
  type GroupSignature,
  type SignatureData,
  type TaskSignature,
} from '../protocol/signature-json.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import { frozen } from './freeze.ts'
import { asBody, asPart, inGroup, partsFrom, sizeOf, type Part } from './parts.ts'
import { shortened, type KeptWorkflow } from './shorten.ts'
import { chainOf, chordOf } from './compose.ts'
import { simplified } from './simplify.ts'

/** Where a workflow hangs: what comes after it, what it is part of, and which task it follows. */
export interface Place {
  /** What is left of the chain around it, encoded, the last first. */
  readonly chain: readonly unknown[]
  /** It stands in a chain: its last message says so even if nothing is left. */
  readonly inChain: boolean
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly parentPriority: number | undefined
  /** It is a part of a group, and of a chord if that has a body. */
  readonly part: Part | undefined
}

/** The first messages of a workflow. */
export interface Plan {
  readonly calls: readonly Call[]
  /** The chords that they begin. */
  readonly chords: readonly { readonly groupId: string; readonly size: number; readonly body: unknown }[]
}

export const noPlace: Place = {
  chain: [],
  inChain: false,
  rootId: undefined,
  parentId: undefined,
  parentPriority: undefined,
  part: undefined,
}

/** What is to be sent now of a workflow that is simplified and frozen and holds references. */
export class Planner {
  readonly #app: Celeriac
  readonly #sending: CallOptions
  readonly #nesting: number | undefined
  readonly #calls: Call[] = []
  readonly #chords: { groupId: string; size: number; body: unknown }[] = []
  readonly #kept: KeptWorkflow[] = []

  /** `nesting`: how often the task was replaced whose place the workflow takes. */
  constructor(app: Celeriac, sending: CallOptions, nesting?: number) {
    this.#app = app
    this.#sending = sending
    this.#nesting = nesting
  }

  /**
   * Tells the result backend what must be known before the messages leave: how many parts the chords have that begin here,
   * which workers in Python ask as well, and what of the workflow is too large for its messages.
   */
  async prepare(): Promise<void> {
    // In eager mode nobody else takes part.
    if (this.#chords.length + this.#kept.length === 0 || this.#app.config.task.alwaysEager) return
    const backend = await this.#app.openBackend()
    for (const { groupId, size, body } of this.#chords) await backend.setGroupSize(groupId, size, dumpJson(body))
    for (const { workflowId, parts } of this.#kept) await backend.keepWorkflow(workflowId, parts)
  }

  get plan(): Plan {
    return { calls: this.#calls, chords: this.#chords }
  }

  add(whole: SignatureData, place: Place): void {
    const { data, kept } = shortened(this.#app, whole)
    if (kept) this.#kept.push(kept)
    this.#add(data, place)
  }

  #add(data: SignatureData, place: Place): void {
    switch (data.kind) {
      case 'task':
        return this.#addTask(data, place)
      case 'chain':
        return this.#addChain(data.tasks, place)
      case 'group':
        return this.#addGroup(data, place)
      case 'chord':
        return this.#addChord(data, place)
    }
  }

  #addTask(data: TaskSignature, { chain, inChain, rootId, parentId, parentPriority, part }: Place): void {
    const workflow = workflowOf(data.options, {}, inChain ? chain : null)
    // One that is a part of a chord already stays that. Celery leaves a chord without its group in members it froze.
    const own = data.options.chord && data.options.groupId ? undefined : part
    const call = this.#app.publisher.callOfSignature(data, this.#sending, {
      ...workflow,
      rootId: rootId ?? workflow.rootId,
      parentId: parentId ?? workflow.parentId,
      parentPriority,
      group: own?.groupId ?? workflow.group,
      groupIndex: own ? own.index : workflow.groupIndex,
      replacedTaskNesting: this.#nesting ?? workflow.replacedTaskNesting,
      embed: { ...workflow.embed, chord: own?.chord ?? workflow.embed.chord },
    })
    this.#calls.push(call)
  }

  #addChain(tasks: readonly SignatureData[], place: Place): void {
    const [first, ...rest] = tasks
    if (!first) return
    const { part } = place
    // Only the last of a chain is a part of the group around it.
    if (part && rest.length > 0) rest.push(asPart(rest.pop() as SignatureData, part))
    const chain = [...place.chain, ...rest.toReversed().map(encodeSignature)]
    this.#add(first, { ...place, chain, inChain: true, part: rest.length > 0 ? undefined : part })
  }

  #addGroup(data: GroupSignature, place: Place): void {
    if (place.chain.length > 0) return this.#add(this.#joined(data, place), { ...place, chain: [] })
    const groupId = data.options.taskId ?? ''
    const { part } = place
    const parts = part?.chord
      ? partsFrom(part, data.tasks)
      : partsFrom({ groupId, index: 0, chord: undefined }, data.tasks)
    for (const [at, task] of data.tasks.entries()) this.#add(task, { ...place, inChain: false, part: parts[at] })
  }

  /** What Python left in a chain after a group becomes its body here. */
  #joined(data: GroupSignature | ChordSignature, { chain }: Place): SignatureData {
    const rest = chain.toReversed().map(decodeSignature)
    if (data.kind === 'group') return frozen(chordOf(data, simplified(chainOf(rest))))
    return frozen({ ...data, body: simplified(chainOf([data.body, ...rest])) })
  }

  #addChord(data: ChordSignature, place: Place): void {
    if (place.chain.length > 0) return this.#add(this.#joined(data, place), { ...place, chain: [] })
    const { header } = data
    const groupId = header.options.taskId ?? ''
    const body = place.part ? asPart(data.body, place.part) : data.body
    if (header.tasks.length === 0) {
      return this.#add(withFirstArgument(body, []), { ...place, inChain: false, part: undefined })
    }
    const size = header.tasks.reduce((sum, task) => sum + sizeOf(task), 0)
    const chord = encodeSignature({ ...asBody(inGroup(body, groupId)), chordSize: size })
    this.#chords.push({ groupId, size, body: chord })
    const parts = partsFrom({ groupId, index: 0, chord }, header.tasks)
    for (const [at, task] of header.tasks.entries()) {
      this.#add(task, { ...place, chain: [], inChain: false, part: parts[at] })
    }
  }
}

/** With `value` before its arguments, as the result of what came before. */
export function withFirstArgument(data: SignatureData, value: unknown): SignatureData {
  return simplified(withArguments(data, [value], {}))
}
