import type { Celeriac } from '../app/app.ts'
import type { TaskRequest } from '../app/context.ts'
import { directRequest, type Task } from '../app/task.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { TaskError } from '../errors.ts'
import { remoteErrorMessage, type RemoteError } from '../protocol/remote-error.ts'
import { decodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import { frozen } from './freeze.ts'
import { noPlace, Planner, withFirstArgument } from './plan.ts'
import { groupOf } from './compose.ts'
import { simplified } from './simplify.ts'

/** The task that failed, for those who are told. */
interface FailedTask {
  readonly taskId: string
  readonly taskName: string
  readonly rootId: string
  /** Undefined for one that never ran. */
  readonly request?: () => TaskRequest
}

/** A callback for errors, encoded, and whose failure it hears of. */
export interface Errback {
  readonly encoded: unknown
  readonly failed: FailedTask
}

/**
 * Runs callbacks that take the error itself, and gives the messages of the others, in one group as Celery sends them.
 * What a callback throws is logged.
 */
export async function callErrbacks(
  app: Celeriac,
  errbacks: readonly Errback[],
  error: RemoteError,
): Promise<readonly Outgoing[]> {
  const sent: SignatureData[] = []
  for (const { encoded, failed } of errbacks) {
    const data = decodeSignature(encoded)
    const task = inlineTask(app, data)
    if (task) await callInline(app, task, data, failed, error)
    else sent.push(withFirstArgument(data, failed.taskId))
  }
  const [first] = errbacks
  if (sent.length === 0 || !first) return []
  const { rootId, taskId: parentId } = first.failed
  const planner = new Planner(app, { dispatch: 'now' })
  planner.add(frozen(simplified(groupOf(sent))), { ...noPlace, rootId, parentId })
  await planner.prepare()
  return app.publisher.outgoing(planner.plan.calls)
}

/** As in Celery, one that takes more than the id is run by the failing worker, which knows the error itself. */
function inlineTask(app: Celeriac, data: SignatureData): Task | undefined {
  const task = data.kind === 'task' ? app.tasks.get(data.task) : undefined
  return task && task.body.length - data.args.length > 1 ? task : undefined
}

async function callInline(
  app: Celeriac,
  task: Task,
  { args }: SignatureData,
  { taskId, taskName, rootId, request }: FailedTask,
  error: RemoteError,
): Promise<void> {
  const { type, module, details, traceback } = error
  const described = new TaskError({ taskId, type, message: remoteErrorMessage(error), module, details, traceback })
  const told = request?.() ?? { ...directRequest(app, taskName, []), id: taskId, rootId }
  try {
    await task(told, described, traceback, ...args)
  } catch (thrown) {
    const fields = { taskName, taskId, callback: task.name, err: thrown }
    app.log.error(fields, 'The error callback {callback} of {taskName}[{taskId}] failed')
  }
}
