import { decodeSignature, encodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import { leafIds } from './freeze.ts'
import { decodeRest, isRest } from './rest.ts'

/** A place in a group, and in a chord if that has a body. */
export interface Part {
  readonly groupId: string
  readonly index: number | undefined
  /** The encoded body. */
  readonly chord: unknown
}

/** How many parts of a chord this makes: its last tasks report. */
export function sizeOf(data: SignatureData): number {
  switch (data.kind) {
    case 'task':
      return isRest(data) ? decodeRest(data.kwargs).size : 1
    case 'group':
      return data.tasks.reduce((sum, task) => sum + sizeOf(task), 0)
    case 'chord':
      return sizeOf(data.body)
    case 'chain':
      return data.tasks.length === 0 ? 0 : sizeOf(data.tasks.at(-1) as SignatureData)
  }
}

/** Each gets as many indexes as it makes parts, so that the results have one order. */
export function partsFrom(first: Part, tasks: readonly SignatureData[]): Part[] {
  let index = first.index
  return tasks.map((task) => {
    const part = { ...first, index }
    if (index !== undefined) index += sizeOf(task)
    return part
  })
}

/** The last of it is a part of the group. */
export function asPart(data: SignatureData, part: Part): SignatureData {
  const { groupId, index, chord } = part
  const options = { groupId, groupIndex: index ?? null, ...(chord ? { chord: decodeSignature(chord) } : undefined) }
  switch (data.kind) {
    case 'task':
      return { ...data, options: { ...data.options, ...options } }
    case 'group': {
      const parts = partsFrom(part, data.tasks)
      return { ...data, tasks: data.tasks.map((task, at) => asPart(task, parts[at] as Part)) }
    }
    case 'chord':
      return { ...data, body: asPart(data.body, part) }
    case 'chain':
      return {
        ...data,
        tasks: [...data.tasks.slice(0, -1), ...data.tasks.slice(-1).map((task) => asPart(task, part))],
      }
  }
}

/** Where a worker in Python fails a body, it looks for the id and the callbacks in the options of the whole. */
export function asBody(data: SignatureData): SignatureData {
  if (data.kind === 'task' || data.kind === 'group') return data
  const [taskId, ...others] = leafIds(data)
  const options = taskId === undefined || others.length > 0 ? data.options : { ...data.options, taskId }
  const linkError = data.kind === 'chain' ? data.tasks[0]?.options.linkError : undefined
  return { ...data, options: linkError ? { ...options, linkError } : options }
}

/** A body as it was before `asBody`: what that notes of its first task is not meant for all. */
export function ownForm(data: SignatureData): SignatureData {
  if (data.kind !== 'chain') return data
  const { linkError, ...options } = data.options
  const own = new Set((data.tasks[0]?.options.linkError ?? []).map(textOf))
  const others = (linkError ?? []).filter((one) => !own.has(textOf(one)))
  return { ...data, options: others.length > 0 ? { ...options, linkError: others } : options }
}

function textOf(data: SignatureData): string {
  return dumpJson(encodeSignature(data))
}

/** Celery notes the group in the body; one that is a part of another group stays that. */
export function inGroup(data: SignatureData, groupId: string): SignatureData {
  if (data.kind === 'task') {
    return data.options.groupId ? data : { ...data, options: { ...data.options, groupId } }
  }
  if (data.kind !== 'chain') return data
  return { ...data, tasks: [...data.tasks.slice(0, -1), ...data.tasks.slice(-1).map((task) => inGroup(task, groupId))] }
}
