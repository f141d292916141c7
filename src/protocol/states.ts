/** Celery's task states. A task may also set states of its own: any other upper-case name. */
type KnownTaskState =
  | 'PENDING'
  | 'RECEIVED'
  | 'STARTED'
  | 'RETRY'
  | 'SUCCESS'
  | 'FAILURE'
  | 'REVOKED'
  | 'REJECTED'
  | 'IGNORED'

/** A known state, with completion in editors, or one of the task's own. */
export type TaskState = KnownTaskState | (string & {})

/** The task is over: SUCCESS, FAILURE or REVOKED. */
export function isReady(state: TaskState): boolean {
  return state === 'SUCCESS' || state === 'FAILURE' || state === 'REVOKED'
}

/** The result is an error: FAILURE, REVOKED or RETRY. */
export function isException(state: TaskState): boolean {
  return state === 'FAILURE' || state === 'REVOKED' || state === 'RETRY'
}
