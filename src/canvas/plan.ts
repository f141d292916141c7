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
import { frozen } from './freeze.ts'
import { chainOf, chordOf, simplified } from './simplify.ts'

/** Where a workflow hangs: what comes after it, what it is part of, and which task it follows. */
export interface Place {
  /** What is left of the chain around it, encoded, the last first. */
  readonly chain: readonly unknown[]
  /** It stands in a chain: its last message says so even if nothing is left. */
  readonly inChain: boolean
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  /** It is a part of a group, and of a chord if that has a body. */
  readonly part: Part | undefined
}

interface Part {
  readonly groupId: string
  readonly index: number | undefined
  /** The encoded body. */
  readonly chord: unknown
}

/** The first messages of a workflow. */
export interface Plan {
  readonly calls: readonly Call[]
  /** The chords that they begin. */
  readonly chords: readonly { readonly groupId: string; readonly size: number }[]
}

export const noPlace: Place = { chain: [], inChain: false, rootId: undefined, parentId: undefined, part: undefined }

/** What is to be sent now of a workflow that is simplified and frozen and holds references. */
export class Planner {
  readonly #app: Celeriac
  readonly #sending: CallOptions
  readonly #calls: Call[] = []
  readonly #chords: { groupId: string; size: number }[] = []

  constructor(app: Celeriac, sending: CallOptions) {
    this.#app = app
    this.#sending = sending
  }

  get plan(): Plan {
    return { calls: this.#calls, chords: this.#chords }
  }

  add(data: SignatureData, place: Place): void {
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

  #addTask(data: TaskSignature, { chain, inChain, rootId, parentId, part }: Place): void {
    const workflow = workflowOf(data.options, {}, inChain ? chain : null)
    const call = this.#app.publisher.callOfSignature(data, this.#sending, {
      ...workflow,
      rootId: rootId ?? workflow.rootId,
      parentId: parentId ?? workflow.parentId,
      group: part?.groupId ?? workflow.group,
      groupIndex: part ? part.index : workflow.groupIndex,
      embed: { ...workflow.embed, chord: part?.chord ?? workflow.embed.chord },
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
    this.add(first, { ...place, chain, inChain: true, part: rest.length > 0 ? undefined : part })
  }

  #addGroup(data: GroupSignature, place: Place): void {
    if (place.chain.length > 0) return this.add(this.#joined(data, place), { ...place, chain: [] })
    const groupId = data.options.taskId ?? ''
    for (const [index, task] of data.tasks.entries()) {
      const part = place.part?.chord ? place.part : { groupId, index, chord: undefined }
      this.add(task, { ...place, inChain: false, part })
    }
  }

  /** What Python left in a chain after a group becomes its body here. */
  #joined(data: GroupSignature | ChordSignature, { chain }: Place): SignatureData {
    const rest = chain.toReversed().map(decodeSignature)
    if (data.kind === 'group') return frozen(chordOf(data, simplified(chainOf(rest))))
    return frozen({ ...data, body: simplified(chainOf([data.body, ...rest])) })
  }

  #addChord(data: ChordSignature, place: Place): void {
    if (place.chain.length > 0) return this.add(this.#joined(data, place), { ...place, chain: [] })
    const { header } = data
    const groupId = header.options.taskId ?? ''
    const body = place.part ? asPart(data.body, place.part) : data.body
    if (header.tasks.length === 0) {
      return this.add(withFirstArgument(body, []), { ...place, inChain: false, part: undefined })
    }
    const size = header.tasks.reduce((sum, task) => sum + sizeOf(task), 0)
    const chord = encodeSignature({ ...inGroup(body, groupId), chordSize: size })
    this.#chords.push({ groupId, size })
    for (const [index, task] of header.tasks.entries()) {
      this.add(task, { ...place, chain: [], inChain: false, part: { groupId, index, chord } })
    }
  }
}

/** With `value` before its arguments, as the result of what came before. */
export function withFirstArgument(data: SignatureData, value: unknown): SignatureData {
  return simplified(withArguments(data, [value], {}))
}

/** How many parts of a chord this makes: its last tasks report. */
function sizeOf(data: SignatureData): number {
  switch (data.kind) {
    case 'task':
      return 1
    case 'group':
      return data.tasks.reduce((sum, task) => sum + sizeOf(task), 0)
    case 'chord':
      return sizeOf(data.body)
    case 'chain':
      return data.tasks.length === 0 ? 0 : sizeOf(data.tasks.at(-1) as SignatureData)
  }
}

/** The last of it is a part of the group. */
function asPart(data: SignatureData, { groupId, index, chord }: Part): SignatureData {
  const options = { groupId, groupIndex: index ?? null, ...(chord ? { chord: decodeSignature(chord) } : undefined) }
  switch (data.kind) {
    case 'task':
      return { ...data, options: { ...data.options, ...options } }
    case 'group':
      return { ...data, tasks: data.tasks.map((task) => asPart(task, { groupId, index, chord })) }
    case 'chord':
      return { ...data, body: asPart(data.body, { groupId, index, chord }) }
    case 'chain':
      return {
        ...data,
        tasks: [
          ...data.tasks.slice(0, -1),
          ...data.tasks.slice(-1).map((task) => asPart(task, { groupId, index, chord })),
        ],
      }
  }
}

/** Celery notes the group in the body; one that is a part of another group stays that. */
function inGroup(data: SignatureData, groupId: string): SignatureData {
  if (data.kind === 'task') {
    return data.options.groupId ? data : { ...data, options: { ...data.options, groupId } }
  }
  if (data.kind !== 'chain') return data
  return { ...data, tasks: [...data.tasks.slice(0, -1), ...data.tasks.slice(-1).map((task) => inGroup(task, groupId))] }
}
