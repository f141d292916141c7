import { LoanLost, SoftTimeLimitExceeded, TaskRevoked, WorkerShutdown } from '../errors.ts'
import type { CancelReason } from './pool.ts'

/** What the `signal` of a body says when it is told to stop. */
export const abortReasons: Readonly<Record<CancelReason, () => Error>> = {
  revoked: () => new TaskRevoked('revoked while it ran'),
  shutdown: () => new WorkerShutdown('the worker stops; the message goes back to its queue'),
  loanLost: () => new LoanLost('the broker lent the message to somebody else; what this attempt does is not accepted'),
}

/** The same for a soft time limit. */
export function softLimitPassed(limitMs: number): SoftTimeLimitExceeded {
  return new SoftTimeLimitExceeded(`soft time limit of ${limitMs / 1000} s`)
}
