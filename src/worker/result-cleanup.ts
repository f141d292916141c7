import type { ResultBackend } from '../backends/backend.ts'
import type { Logger } from '../util/logger.ts'
import { Cleanup } from './cleanup.ts'

/** Deletes expired results. `expiresMs`: how long they are kept; undefined: for ever. */
export function openResultCleanup(backend: ResultBackend, log: Logger, expiresMs: number | undefined): Cleanup {
  const clean = async (): Promise<void> => {
    const deleted = await backend.deleteExpired()
    if (deleted > 0) log.info({ deleted }, 'Deleted {deleted} expired results')
  }
  return new Cleanup({ what: 'Expired results', log, expiresMs, clean })
}
