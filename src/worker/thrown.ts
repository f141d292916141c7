import { describeError, type RemoteError } from '../protocol/remote-error.ts'
import type { TaskAttempt } from './attempt.ts'

/** Some values, such as a revoked proxy, throw as soon as they are asked what they are. */
export function lookable(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error)
    return thrown
  } catch (error) {
    return new Error('the task threw an object that cannot be examined', { cause: error })
  }
}

/** As it is stored and shown: without secret arguments. */
export function described({ redactor, body }: TaskAttempt, thrown: unknown): RemoteError {
  const error = describeError(thrown)
  if (!redactor) return error
  redactor.arguments(body)
  return redactor.error(error)
}
