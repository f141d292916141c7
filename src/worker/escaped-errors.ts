import type { Celeriac } from '../app/app.ts'
import { maybeCurrentTask } from '../app/context.ts'
import { saysUnavailable } from '../app/database-errors.ts'
import { Redactor } from '../app/redaction.ts'

/**
 * Listens to errors that nobody caught. One that a database driver let escape from a dying connection (an `error` event
 * that nobody heard, just as a pool hands the connection over) is logged, and the process stays: what used the connection
 * fails by itself. Any other ends the process as it would have, after a line that names the task it came from.
 */
export function watchEscapedErrors(app: Celeriac): Disposable {
  const onUncaught = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    if (app.models.adapters.length > 0 && saysUnavailable(error)) {
      const reason = error instanceof Error ? error.message : String(error)
      app.log.error({ err: error, reason }, 'A database driver let an error escape, the worker goes on: {reason}')
      return
    }
    // Others who listen decide; alone, stepping aside gives Node its own way.
    if (process.listenerCount('uncaughtException') > 1) return
    tell(app, error, origin)
    process.off('uncaughtException', onUncaught)
    setImmediate(() => {
      throw error
    })
  }
  process.on('uncaughtException', onUncaught)
  return { [Symbol.dispose]: () => void process.off('uncaughtException', onUncaught) }
}

function tell(app: Celeriac, error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
  const what = origin === 'unhandledRejection' ? 'A rejection that nobody handled' : 'An error that nobody caught'
  const ends = 'ends this worker; what it runs is delivered again: {reason}'
  const context = maybeCurrentTask()
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  if (!context) {
    app.log.error({ reason: text }, `${what} ${ends}`)
    return
  }
  const { id: taskId, task: taskName, args, kwargs } = context.request
  const redactor = Redactor.of(context.task)
  redactor?.arguments({ args, kwargs })
  const reason = redactor?.text(text) ?? text
  app.log.error({ taskId, taskName, reason }, `${what}, of task {taskName}[{taskId}], ${ends}`)
}
