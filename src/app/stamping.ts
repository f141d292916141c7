import type { SignatureData } from '../protocol/signature-json.ts'
import { mergeOptions, stampOptions, stampsOf } from './signature-settings.ts'

/** Labels by name. */
export type Stamps = Readonly<Record<string, unknown>>

/** A part of a workflow, as a visitor sees it. */
export interface Stamped {
  readonly kind: 'task' | 'chain' | 'group' | 'chord'
  /** The name of a task. */
  readonly task: string | undefined
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Those that it has already. */
  readonly stamps: Stamps
}

/** Is told `stamps`, which come from the whole around it, and gives more, or others of the same name. */
type Visit = (part: Stamped, stamps: Stamps) => Stamps | undefined
type Leave = (part: Stamped, stamps: Stamps) => void

/**
 * Labels the parts of a workflow one by one, each in its own way: Celery's StampingVisitor. What it gives for a whole, all
 * parts of that get; what it gives for a task is for that task alone.
 */
export interface StampingVisitor {
  /** Each task, callbacks among them. */
  readonly onSignature?: Visit
  readonly onChainStart?: Visit
  readonly onChainEnd?: Leave
  readonly onGroupStart?: Visit
  readonly onGroupEnd?: Leave
  /** Default: as `onGroupStart`, for the header. */
  readonly onChordHeaderStart?: Visit
  /** Default: as `onGroupEnd`, for the header. */
  readonly onChordHeaderEnd?: Leave
  readonly onChordBody?: Visit
  readonly onCallback?: Visit
  readonly onErrback?: Visit
}

const methods: readonly (keyof StampingVisitor)[] = [
  ...(['onSignature', 'onChainStart', 'onChainEnd', 'onGroupStart', 'onGroupEnd', 'onChordHeaderStart'] as const),
  ...(['onChordHeaderEnd', 'onChordBody', 'onCallback', 'onErrback'] as const),
]

/** Labels of a workflow are data, so that functions make a visitor. */
export function isVisitor(given: Stamps | StampingVisitor): given is StampingVisitor {
  return methods.some((name) => typeof (given as StampingVisitor)[name] === 'function')
}

/** With these labels, in all that it consists of. */
export function stamped(data: SignatureData, stamps: Stamps): SignatureData {
  const stampAll = (given: readonly SignatureData[]): SignatureData[] => given.map((one) => stamped(one, stamps))
  const { link, linkError } = data.options
  const options = {
    ...mergeOptions(data.options, stampOptions(stamps)),
    ...(link && { link: stampAll(link) }),
    ...(linkError && { linkError: stampAll(linkError) }),
  }
  switch (data.kind) {
    case 'task':
      return { ...data, options }
    case 'chain':
    case 'group':
      return { ...data, options, tasks: stampAll(data.tasks) }
    case 'chord': {
      const header = { ...data.header, tasks: stampAll(data.header.tasks) }
      return { ...data, options, header, body: stamped(data.body, stamps) }
    }
  }
}

/** With the labels that the visitor gives each part. `given`: those of the whole around it. */
export function visited(data: SignatureData, visitor: StampingVisitor, given: Stamps = {}): SignatureData {
  const part = partOf(data)
  const all = (tasks: readonly SignatureData[], stamps: Stamps): SignatureData[] =>
    tasks.map((task) => visited(task, visitor, stamps))
  switch (data.kind) {
    case 'task': {
      const stamps = { ...given, ...visitor.onSignature?.(part, given) }
      const { options } = withLinks(data, visitor, given)
      return { ...data, options: mergeOptions(options, stampOptions(stamps)) }
    }
    case 'chain': {
      const stamps = { ...given, ...visitor.onChainStart?.(part, given) }
      const chain = { ...withLinks(data, visitor, stamps), tasks: all(data.tasks, stamps) }
      visitor.onChainEnd?.(part, stamps)
      return chain
    }
    case 'group': {
      const stamps = { ...given, ...visitor.onGroupStart?.(part, given) }
      const group = { ...withLinks(data, visitor, stamps), tasks: all(data.tasks, stamps) }
      visitor.onGroupEnd?.(part, stamps)
      return group
    }
    case 'chord': {
      const group = partOf(data.header)
      const begun = visitor.onChordHeaderStart
        ? visitor.onChordHeaderStart(part, given)
        : visitor.onGroupStart?.(group, given)
      const stamps = { ...given, ...begun }
      const header = { ...data.header, tasks: all(data.header.tasks, stamps) }
      if (visitor.onChordHeaderEnd) visitor.onChordHeaderEnd(part, stamps)
      else visitor.onGroupEnd?.(group, stamps)
      const ofBody = { ...stamps, ...visitor.onChordBody?.(part, stamps) }
      return { ...withLinks(data, visitor, stamps), header, body: visited(data.body, visitor, ofBody) }
    }
  }
}

/** Callbacks get what the whole gets, but not what the task before them does. */
function withLinks<S extends SignatureData>(data: S, visitor: StampingVisitor, stamps: Stamps): S {
  const { link, linkError } = data.options
  if (!link && !linkError) return data
  const each = (callbacks: readonly SignatureData[], visit: Visit | undefined): SignatureData[] =>
    callbacks.map((one) => visited(one, visitor, { ...stamps, ...visit?.call(visitor, partOf(one), stamps) }))
  const links = {
    ...(link && { link: each(link, visitor.onCallback) }),
    ...(linkError && { linkError: each(linkError, visitor.onErrback) }),
  }
  return { ...data, options: { ...data.options, ...links } }
}

function partOf(data: SignatureData): Stamped {
  const { kind, args, kwargs, options } = data
  return { kind, task: data.kind === 'task' ? data.task : undefined, args, kwargs, stamps: stampsOf(options) }
}
