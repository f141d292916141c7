import { saysUnavailable } from '../app/database-errors.ts'
import type { Logger } from '../util/logger.ts'

/**
 * Keeps a process alive when a database driver lets the error of a dying connection escape (an `error` event that nobody
 * heard, just as a pool hands the connection over). What used the connection fails by itself. Any other uncaught error
 * ends the process as it would have.
 */
export function surviveDriverErrors(log: Logger): Disposable {
  const onUncaught = (error: unknown): void => {
    if (saysUnavailable(error)) {
      const reason = error instanceof Error ? error.message : String(error)
      log.error({ err: error, reason }, 'A database driver let an error escape, the worker goes on: {reason}')
      return
    }
    // Others who listen decide; alone, stepping aside gives Node its own way.
    if (process.listenerCount('uncaughtException') > 1) return
    process.off('uncaughtException', onUncaught)
    setImmediate(() => {
      throw error
    })
  }
  process.on('uncaughtException', onUncaught)
  return { [Symbol.dispose]: () => void process.off('uncaughtException', onUncaught) }
}
