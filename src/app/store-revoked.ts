import type { ResultBackend } from '../backends/backend.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import { isReady } from '../protocol/states.ts'

/** Stores REVOKED with Celery's reason (`revoked`, `expired`, `terminated`) unless the task is over. */
export async function storeRevoked(backend: ResultBackend, taskId: string, reason = 'revoked'): Promise<void> {
  const [known] = await backend.fetch([taskId])
  if (known && isReady(known.status)) return
  await backend.store({
    taskId,
    status: 'REVOKED',
    result: revokedError(reason),
    dateDone: new Date(),
  })
}

/** Celery's error of a task that was revoked. */
export function revokedError(reason: string): RemoteError {
  return { type: 'TaskRevokedError', details: [reason], module: 'celery.exceptions', traceback: undefined }
}
