import { withArguments } from '../app/signature.ts'
import { decodeSignature } from '../protocol/signature-json.ts'
import type { ChainSignature, ChordSignature, GroupSignature, SignatureData } from '../protocol/signature-json.ts'
import { chainOf, chordOf, plain } from './compose.ts'
import { hasLastId, withLastId } from './last-id.ts'
import { firstErrbacks, linked, warning } from './links.ts'

/**
 * The same workflow in the form in which it travels: chains hold no chains, groups no groups, and what comes after a
 * group waits for all of it, as the body of a chord. Arguments and links of the parts stand where they take effect.
 */
export function simplified(data: SignatureData): SignatureData {
  const { chain: rest, ...options } = data.options
  // Celery moves what follows a chord in a chain into an option of the body, as messages have it: the last first.
  if (Array.isArray(rest) && rest.length > 0) {
    return simplified(chainOf([{ ...data, options }, ...rest.toReversed().map(decodeSignature)]))
  }
  switch (data.kind) {
    case 'task':
      return data
    case 'chain':
      return simplifiedChain(data)
    case 'group':
      return simplifiedGroup(data)
    case 'chord': {
      const members = data.header.tasks.map((task) => beginning(given(task, data), data))
      const header = simplifiedGroup({ ...data.header, tasks: members })
      const body = linked(simplified(data.body), data)
      return withoutLoneMember({ ...data, args: [], kwargs: {}, options: own(data), header, body })
    }
  }
}

function simplifiedChain(data: ChainSignature): SignatureData {
  const [first, ...rest] = data.tasks
  const steps = (first ? [beginning(given(first, data), data), ...rest] : []).map(simplified).flatMap(stepsOf)
  const joined = joinedSteps(steps)
  const [only] = joined
  const last = joined.at(-1)
  if (!only || !last) return chainOf([])
  const { link, linkError, taskId } = data.options
  const withErrors = joined.map((step) => linked(step, { options: linkError ? { linkError } : {} }))
  const end = linked(withErrors.at(-1) as SignatureData, { options: link ? { link } : {} })
  // An id that the last task has already stays: Celery puts that of a group into the options of a chain.
  const named = typeof taskId === 'string' && !hasLastId(end) ? withLastId(end, taskId) : end
  const tasks = [...withErrors.slice(0, -1), named]
  return tasks.length === 1 ? named : chainOf(tasks)
}

/** Options of a call that a whole hands on to the tasks with which it begins, as in Celery; the rest is its own. */
const handedOn = [
  ...(['countdown', 'eta', 'expires', 'queue', 'exchange', 'routingKey', 'priority', 'headers', 'timeLimit'] as const),
  ...(['softTimeLimit', 'ignoreResult', 'serializer', 'compression', 'shadow'] as const),
]

function beginning(task: SignatureData, { options }: Pick<SignatureData, 'options'>): SignatureData {
  const given = handedOn.filter((name) => options[name] !== undefined && options[name] !== null)
  if (given.length === 0) return task
  return { ...task, options: { ...task.options, ...Object.fromEntries(given.map((name) => [name, options[name]])) } }
}

/**
 * A chord of one member as a chain, in which the member's result becomes a list. Celery makes a chain of it as well, but
 * then the body gets the bare result, if it is a worker in Python that starts it.
 */
function withoutLoneMember(chord: ChordSignature): SignatureData {
  const [only, ...others] = chord.header.tasks
  if (!only || others.length > 0) return chord
  const linkError = firstErrbacks(chord.body)
  const member = linkError ? warning(only, { options: { linkError } }) : only
  return simplified(chainOf([member, ...(isMany(only) ? [] : [accumulate]), chord.body]))
}

/** Its result is a list, because it ends with a group. */
function isMany(data: SignatureData): boolean {
  switch (data.kind) {
    case 'task':
      return false
    case 'group':
      return true
    case 'chord':
      return isMany(data.body)
    case 'chain':
      return data.tasks.length > 0 && isMany(data.tasks.at(-1) as SignatureData)
  }
}

/** Celery's own task that makes a list of what it gets. */
const accumulate: SignatureData = { kind: 'task', task: 'celery.accumulate', subtaskType: null, ...plain }

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
  return [...steps.slice(0, at), ...stepsOf(withoutLoneMember(chord))]
}

function joined(steps: readonly SignatureData[]): SignatureData {
  return simplified(chainOf(steps))
}

function simplifiedGroup(data: GroupSignature): GroupSignature {
  const tasks = data.tasks
    .map((task) => linked(simplified(beginning(given(task, data), data)), data))
    .flatMap((task) => (task.kind === 'group' ? task.tasks : [task]))
  return { ...data, args: [], kwargs: {}, options: own(data), tasks }
}

function given(task: SignatureData, { args, kwargs }: Pick<SignatureData, 'args' | 'kwargs'>): SignatureData {
  return withArguments(task, args, kwargs)
}

/** Without what the parts have. */
function own({ options }: SignatureData): SignatureData['options'] {
  const taken: readonly string[] = [...handedOn, 'link', 'linkError']
  return Object.fromEntries(Object.entries(options).filter(([name]) => !taken.includes(name)))
}
