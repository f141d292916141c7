import { setTimeout as sleep } from 'node:timers/promises'
import type { Celeriac } from '../app/app.ts'
import { ConnectionLost, Unreachable } from '../errors.ts'

const firstPauseMs = 200
const longestPauseMs = 10_000

/**
 * Opens the broker and the result backend of a worker, then `begin`, again while a server cannot be reached, as
 * `broker_connection_retry_on_startup` and `broker_connection_max_retries` say. Undefined if `stopping` was aborted before.
 * Rejects with what no waiting mends, such as a wrong password, and with why no server is there where it may not wait any
 * longer.
 */
export async function connectStores<T>(
  app: Celeriac,
  workerName: string,
  stopping: AbortSignal,
  begin: () => Promise<T>,
): Promise<T | undefined> {
  const { connectionRetryOnStartup, connectionMaxRetries = Infinity } = app.config.broker
  const mostRetries = connectionRetryOnStartup ? connectionMaxRetries : 0
  for (let retries = 0; !stopping.aborted; retries++) {
    try {
      await Promise.all([app.openBroker(), app.openBackend()])
      return await begin()
    } catch (error) {
      if (!isAway(error) || retries >= mostRetries) throw error
      const pauseMs = Math.min(firstPauseMs * 2 ** retries, longestPauseMs) * (0.5 + Math.random() / 2)
      app.log.warn(
        { workerName, reason: error.message, pauseS: (pauseMs / 1000).toFixed(1) },
        '{workerName}: {reason}; trying again in {pauseS} s',
      )
      await sleep(pauseMs, undefined, { signal: stopping }).catch(() => undefined)
    }
  }
  return undefined
}

function isAway(error: unknown): error is Error {
  return error instanceof Unreachable || error instanceof ConnectionLost
}
