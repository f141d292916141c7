import type { Celeriac } from '../app/app.ts'
import type { TaskRequest } from '../app/context.ts'
import type { Task } from '../app/task.ts'
import type { Outgoing } from '../brokers/broker.ts'
import { abandoned, afterFailure, hasFollowers, type Finished } from '../canvas/continuation.ts'
import { taskIds } from '../canvas/freeze.ts'
import { OperationalError, TaskError } from '../errors.ts'
import { remoteErrorMessage, type RemoteError } from '../protocol/remote-error.ts'
import { decodeSignature, type SignatureData } from '../protocol/signature-json.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'

/** A task that did not succeed. */
export interface Failed extends Finished {
  readonly state: 'FAILURE' | 'REVOKED'
  readonly error: RemoteError
  readonly request: () => TaskRequest
}

type Store = (meta: TaskMeta) => Promise<void>

/**
 * Ends what hangs on a task that did not succeed: the rest of its chain gets the same state, callbacks for errors are
 * called. Gives what is to be published with its acknowledgement. What is wrong with a callback is logged.
 */
export async function endWorkflow(app: Celeriac, store: Store, failed: Failed): Promise<readonly Outgoing[]> {
  if (!hasFollowers(failed.embed)) return []
  try {
    await storeAbandoned(store, failed)
    return failed.state === 'FAILURE' ? await callErrbacks(app, failed) : []
  } catch (error) {
    if (error instanceof OperationalError) throw error
    const { task: taskName, id: taskId } = failed.headers
    app.log.error({ taskName, taskId, err: error }, 'What follows {taskName}[{taskId}] could not be ended')
    return []
  }
}

async function storeAbandoned(store: Store, failed: Failed): Promise<void> {
  const { state: status, error: result } = failed
  for (const data of abandoned(failed)) {
    for (const taskId of taskIds(data)) {
      await store({ taskId, status, result, traceback: result.traceback, dateDone: new Date() })
    }
  }
}

async function callErrbacks(app: Celeriac, failed: Failed): Promise<readonly Outgoing[]> {
  const sent: unknown[] = []
  for (const encoded of failed.embed.errbacks ?? []) {
    const data = decodeSignature(encoded)
    const task = inlineTask(app, data)
    if (task) await callInline(app, task, data, failed)
    else sent.push(encoded)
  }
  const { outgoing } = await afterFailure(app, failed, sent)
  return outgoing
}

/** As in Celery, one that takes more than the id is run by the failing worker, which knows the error itself. */
function inlineTask(app: Celeriac, data: SignatureData): Task | undefined {
  const task = data.kind === 'task' ? app.tasks.get(data.task) : undefined
  return task && task.body.length - data.args.length > 1 ? task : undefined
}

async function callInline(app: Celeriac, task: Task, { args }: SignatureData, failed: Failed): Promise<void> {
  const { headers, error } = failed
  const described = new TaskError({
    taskId: headers.id,
    type: error.type,
    message: remoteErrorMessage(error),
    module: error.module,
    details: error.details,
    traceback: error.traceback,
  })
  try {
    await task(failed.request(), described, error.traceback, ...args)
  } catch (thrown) {
    const fields = { taskName: headers.task, taskId: headers.id, callback: task.name, err: thrown }
    app.log.error(fields, 'The error callback {callback} of {taskName}[{taskId}] failed')
  }
}
