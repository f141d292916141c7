import { reprArgs, reprKwargs } from '../protocol/python-repr.ts'
import type { SignatureData, TaskSignature } from '../protocol/signature-json.ts'
import type { Celeriac } from './app.ts'
import { callReferences } from './call-references.ts'
import { Redactor } from './redaction.ts'
import { queueOf } from './signature-queue.ts'

/** Who replaces rows by references, and whether the message leaves after the open transaction is committed. */
export interface Referencing {
  readonly app: Celeriac
  readonly committed: boolean
}

/**
 * The signature with references in the place of rows, and with what its task hides masked. `given` is how many arguments
 * will be put before its own: the result of the task before. Throws as a call of each of its tasks would.
 */
export function withReferences(signature: SignatureData, to: Referencing, given: number): SignatureData {
  const data = { ...signature, options: referencedOptions(signature, to) }
  const each = (tasks: readonly SignatureData[], count: number): SignatureData[] =>
    tasks.map((task) => withReferences(task, to, count))
  switch (data.kind) {
    case 'task':
      return referencedTask(data, to, data.immutable ? 0 : given)
    case 'chain': {
      const own = ownArguments(data, to)
      const [first, ...rest] = data.tasks.map((task, at) => routed(task, data.tasks[at + 1], to.app))
      return { ...own, tasks: first ? [withReferences(first, to, given + own.args.length), ...each(rest, 1)] : [] }
    }
    case 'group': {
      const own = ownArguments(data, to)
      return { ...own, tasks: each(data.tasks, given + own.args.length) }
    }
    case 'chord': {
      const own = ownArguments(data, to)
      const header = { ...own.header, tasks: each(own.header.tasks, given + own.args.length) }
      return { ...own, header, body: withReferences(own.body, to, 1) }
    }
  }
}

/** A task of Celery's own goes where the one goes that gets its result: its workers run it as well. */
function routed(data: SignatureData, next: SignatureData | undefined, app: Celeriac): SignatureData {
  if (data.kind !== 'task' || data.task !== 'celery.accumulate' || data.options['queue'] || !next) return data
  return { ...data, options: { ...data.options, queue: queueOf(next, app) } }
}

function referencedOptions({ options }: SignatureData, to: Referencing): SignatureData['options'] {
  const { link, linkError } = options
  if (!link && !linkError) return options
  const each = (callbacks: readonly SignatureData[]): SignatureData[] =>
    callbacks.map((callback) => withReferences(callback, to, 1))
  return { ...options, ...(link && { link: each(link) }), ...(linkError && { linkError: each(linkError) }) }
}

function ownArguments<S extends SignatureData>(data: S, { app: { models }, committed }: Referencing): S {
  if (models.isEmpty) return data
  const { args, kwargs } = data
  return { ...data, ...models.toReferences({ args, kwargs }, '$', { committed }) }
}

function referencedTask(data: TaskSignature, to: Referencing, given: number): TaskSignature {
  const task = to.app.tasks.get(data.task)
  const { args, kwargs } = callReferences(to.app, task, { args: data.args, kwargs: data.kwargs }, to.committed, given)
  const redactor = Redactor.of(task)
  if (!redactor || data.options['argsRepr'] !== undefined) return { ...data, args, kwargs }
  // Who sends it later may not know the task. What comes before may be secret as well, so it is not shown either.
  const shown = redactor.arguments({ args: [...Array.from({ length: given }, () => '***'), ...args], kwargs })
  const reprs = { argsRepr: reprArgs(shown.args), kwargsRepr: reprKwargs(shown.kwargs) }
  return { ...data, args, kwargs, options: { ...data.options, ...reprs } }
}
