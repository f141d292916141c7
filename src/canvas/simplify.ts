import { mergeOptions } from '../app/signature-settings.ts'
import { withArguments } from '../app/signature.ts'
import type { ChainSignature, ChordSignature, GroupSignature, SignatureData } from '../protocol/signature-json.ts'

const plain = { args: [], kwargs: {}, options: {}, immutable: false } as const

export function chainOf(tasks: readonly SignatureData[]): ChainSignature {
  return { kind: 'chain', tasks, ...plain }
}

export function groupOf(tasks: readonly SignatureData[]): GroupSignature {
  return { kind: 'group', tasks, ...plain }
}

export function chordOf(header: GroupSignature, body: SignatureData): ChordSignature {
  return { kind: 'chord', header, body, ...plain }
}

/**
 * The same workflow in the form in which it travels: chains hold no chains, groups no groups, and what comes after a
 * group waits for all of it, as the body of a chord. Arguments and links of the parts stand where they take effect.
 */
export function simplified(data: SignatureData): SignatureData {
  switch (data.kind) {
    case 'task':
      return data
    case 'chain':
      return simplifiedChain(data)
    case 'group':
      return simplifiedGroup(data)
    case 'chord': {
      const header = simplifiedGroup({ ...data.header, tasks: data.header.tasks.map((task) => given(task, data)) })
      const body = linked(simplified(data.body), data)
      return { ...data, args: [], kwargs: {}, options: own(data), header, body }
    }
  }
}

function simplifiedChain(data: ChainSignature): SignatureData {
  const [first, ...rest] = data.tasks
  const steps = (first ? [given(first, data), ...rest] : []).map(simplified).flatMap(stepsOf)
  const joined = joinedSteps(steps)
  const [only] = joined
  const last = joined.at(-1)
  if (!only || !last) return chainOf([])
  const { link, linkError, taskId, ...options } = data.options
  const withErrors = joined.map((step) => linked(step, { options: linkError ? { linkError } : {} }))
  const end = linked(withErrors.at(-1) as SignatureData, { options: link ? { link } : {} })
  const named = typeof taskId === 'string' ? withLastId(end, taskId) : end
  const tasks = [...withErrors.slice(0, -1), named]
  return tasks.length === 1 ? named : { ...chainOf(tasks), options: spread(options) }
}

/** Options that are those of the whole do not belong to a part. */
function spread(options: SignatureData['options']): SignatureData['options'] {
  const { chord, groupId, groupIndex, ...others } = options
  return { ...others, ...(chord && { chord, groupId: groupId ?? null, groupIndex: groupIndex ?? null }) }
}

function stepsOf(step: SignatureData): readonly SignatureData[] {
  return step.kind === 'chain' ? step.tasks : [step]
}

/** What follows a group or a chord becomes part of the body. */
function joinedSteps(steps: readonly SignatureData[]): readonly SignatureData[] {
  const at = steps.findIndex((step, index) => step.kind !== 'task' && index < steps.length - 1)
  const step = steps[at]
  if (!step) return steps
  const rest = steps.slice(at + 1)
  const chord =
    step.kind === 'chord'
      ? { ...step, body: joined([step.body, ...rest]) }
      : chordOf(step as GroupSignature, joined(rest))
  return [...steps.slice(0, at), chord]
}

function joined(steps: readonly SignatureData[]): SignatureData {
  return simplified(chainOf(steps))
}

function simplifiedGroup(data: GroupSignature): GroupSignature {
  const tasks = data.tasks
    .map((task) => linked(simplified(given(task, data)), data))
    .flatMap((task) => (task.kind === 'group' ? task.tasks : [task]))
  return { ...data, args: [], kwargs: {}, options: own(data), tasks }
}

function given(task: SignatureData, { args, kwargs }: Pick<SignatureData, 'args' | 'kwargs'>): SignatureData {
  return withArguments(task, args, kwargs)
}

function own({ options: { link: _link, linkError: _linkError, ...options } }: SignatureData): SignatureData['options'] {
  return options
}

/** With the links of the whole, at the place where they take effect: its last tasks, and for errors all. */
export function linked(
  data: SignatureData,
  { options: { link, linkError } }: Pick<SignatureData, 'options'>,
): SignatureData {
  if (!link && !linkError) return data
  const links = { ...(link && { link }), ...(linkError && { linkError }) }
  switch (data.kind) {
    case 'task':
      return { ...data, options: mergeOptions(data.options, links) }
    case 'group':
      return { ...data, tasks: data.tasks.map((task) => linked(task, { options: links })) }
    case 'chord':
      return { ...data, body: linked(data.body, { options: links }) }
    case 'chain': {
      const errors = linkError ? { linkError } : {}
      const tasks = data.tasks.map((task, index) =>
        linked(task, { options: index === data.tasks.length - 1 ? links : errors }),
      )
      return { ...data, tasks }
    }
  }
}

/** The id of a whole is that of its last task. */
export function withLastId(data: SignatureData, taskId: string): SignatureData {
  switch (data.kind) {
    case 'task':
    case 'group':
      return { ...data, options: { ...data.options, taskId } }
    case 'chord':
      return { ...data, body: withLastId(data.body, taskId) }
    case 'chain':
      return {
        ...data,
        tasks: data.tasks.map((task, index) => (index === data.tasks.length - 1 ? withLastId(task, taskId) : task)),
      }
  }
}
