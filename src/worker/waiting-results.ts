import type { ResultBackend } from '../backends/backend.ts'
import type { Logger } from '../util/logger.ts'
import type { Request } from './request.ts'

/** Says once why slots stay busy while results wait for room in their store, and once that it is over. */
export function tellWaitingResults(
  log: Logger,
  backend: ResultBackend,
  running: () => readonly Request[],
): Disposable | undefined {
  let sinceMs = 0
  return backend.watchRoom?.((waiting) => {
    if (!waiting) {
      const seconds = ((Date.now() - sinceMs) / 1000).toFixed(1)
      return log.info({ seconds }, 'Results are stored again, after {seconds}s')
    }
    sinceMs = Date.now()
    const { taskId, reason } = waiting
    const request = running().find(({ id }) => id === taskId)
    const about = { taskId, taskName: request?.taskName, queue: request?.delivery.queue, reason: reason.message }
    log.warn(
      about,
      request
        ? 'The result of {taskName}[{taskId}] from queue {queue} waits for room, and its slot with it: {reason}'
        : 'The result of {taskId} waits for room: {reason}',
    )
  })
}
