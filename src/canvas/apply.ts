import type { Celeriac } from '../app/app.ts'
import { checkCallArguments } from '../app/arguments.ts'
import { AsyncResult, type AnyResult } from '../app/async-result.ts'
import { withReferences } from '../app/signature-references.ts'
import type { DispatchMode } from '../app/task-options.ts'
import type { Run } from '../app/signature.ts'
import type { Scope } from '../app/transactions.ts'
import { InvalidArguments } from '../errors.ts'
import type { SignatureData, TaskSignature } from '../protocol/signature-json.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import { frozen } from './freeze.ts'
import { GroupResult } from './group-result.ts'
import { noPlace, Planner } from './plan.ts'
import { simplified } from './simplify.ts'

/** Sends a workflow: its first messages, in one step. Resolves to what stands for its result. */
export const runWorkflow: Run = async (app, data, sending) => {
  // Before anything is awaited: the transaction may be over when the messages are written.
  const mode = sending.dispatch ?? firstDispatch(app, data) ?? app.config.task.dispatch
  const scope = mode === 'now' ? undefined : app.transactions.current()
  const whole = frozen(simplified(data))
  if (isEmpty(whole)) throw new InvalidArguments(`${data.kind}() without tasks has nothing to do`)
  const ready = withReferences(whole, { app, committed: scope !== undefined }, 0)
  const planner = new Planner(app, { ...sending, dispatch: mode })
  planner.add(ready, noPlace)
  for (const first of sentAtOnce(whole)) {
    const task = app.tasks.get(first.task)
    if (task) await checkCallArguments(task, first.args, first.kwargs)
  }
  const { calls } = planner.plan
  if (!app.config.task.alwaysEager) {
    await planner.prepare()
    await app.publisher.sendAll(calls)
    return resultOf({ app, scope }, whole)
  }
  const metas = await (await app.eager()).runAll(calls)
  const result = resultOf({ app, look: (taskId) => metas.get(taskId) }, whole)
  if (app.config.task.eagerPropagates) await result.get()
  return result
}

/** What the tasks say that are sent at once: the first that says something. */
function firstDispatch(app: Celeriac, data: SignatureData): DispatchMode | undefined {
  for (const { task } of sentAtOnce(data)) {
    const dispatch = app.tasks.get(task)?.options.dispatch
    if (dispatch !== undefined) return dispatch
  }
  return undefined
}

/** How it was sent: in which transaction, and what eager mode found out of its tasks. */
interface Sent {
  readonly app: Celeriac
  readonly scope?: Scope | undefined
  readonly look?: (taskId: string) => TaskMeta | undefined
}

function isEmpty(data: SignatureData): boolean {
  return data.kind === 'chain' && data.tasks.length === 0
}

/** Those whose messages leave at once, with all their arguments. */
function sentAtOnce(data: SignatureData): Extract<SignatureData, { kind: 'task' }>[] {
  switch (data.kind) {
    case 'task':
      return [data]
    case 'chain':
      return data.tasks.slice(0, 1).flatMap(sentAtOnce)
    case 'group':
      return data.tasks.flatMap(sentAtOnce)
    case 'chord':
      return data.header.tasks.flatMap(sentAtOnce)
  }
}

/** What stands for the result of a frozen workflow. */
function resultOf(sent: Sent, data: SignatureData, parent?: AnyResult): AsyncResult | GroupResult {
  const inner = (one: SignatureData, above: AnyResult | undefined): AsyncResult | GroupResult =>
    resultOf(sent, one, above)
  switch (data.kind) {
    case 'task':
      return taskResult(sent, data, parent)
    case 'chain': {
      const [last, ...before] = data.tasks.toReversed()
      const above = before.reduceRight<AnyResult | undefined>((result, step) => inner(step, result), parent)
      return inner(last as SignatureData, above)
    }
    case 'group': {
      const members = data.tasks.flatMap((task) => {
        const member = inner(task, parent)
        return member instanceof GroupResult ? member.results : [member]
      })
      return new GroupResult(sent.app, data.options.taskId ?? '', members, parent)
    }
    case 'chord':
      return inner(data.body, inner(data.header, parent))
  }
}

function taskResult({ app, scope, look }: Sent, { task, options }: TaskSignature, parent?: AnyResult): AsyncResult {
  const taskId = options.taskId ?? ''
  const compiled = app.tasks.get(task)?.compiledFor(app)
  const isIgnored = options['ignoreResult'] ?? compiled?.ignoreResult ?? app.config.task.ignoreResult
  return new AsyncResult(app, taskId, { ignored: isIgnored === true, local: look?.(taskId), parent, scope })
}
