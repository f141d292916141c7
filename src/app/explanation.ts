import type { Holder, Unseen } from '../brokers/broker.ts'
import type { Death } from '../protocol/message.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskState } from '../protocol/states.ts'

/** A worker that takes from the queue of a task. */
export interface Consumption {
  readonly worker: string
  /** Bodies that run there now, where it said so. */
  readonly busy: number | undefined
  /** How many can run at once, where it said so. */
  readonly slots: number | undefined
}

/** A worker that tried in vain to send what waits in an outbox. */
export interface RelayFailure {
  readonly worker: string
  /** How often in a row. */
  readonly attempts: number
  /** Of the last attempt. */
  readonly error: string
}

/** Why a task is where it is. */
export type Reason =
  /** It is over: with a result, or an error. */
  | {
      readonly kind: 'finished'
      readonly at: Date | undefined
      readonly result: unknown
      readonly error: RemoteError | undefined
    }
  /** `worker` is undefined where only the stored state tells. */
  | { readonly kind: 'running'; readonly worker: string | undefined; readonly since: Date | undefined }
  /** A worker has taken it and waits for a free slot, or for its rate limit. */
  | { readonly kind: 'reserved'; readonly consumption: Consumption; readonly rateLimit: string | undefined }
  /** Somebody has it, and no worker said that it is there. `rateLimit`: Celery's workers do not say what waits for one. */
  | { readonly kind: 'held'; readonly holder: Holder; readonly rateLimit: string | undefined }
  | {
      readonly kind: 'deferred'
      readonly until: Date
      readonly why: 'eta' | 'retry' | 'rateLimit' | 'unknown'
      readonly retries: number
      readonly rateLimit: string | undefined
      /** The worker that waits for the time, where not the broker does. */
      readonly worker: string | undefined
    }
  | { readonly kind: 'waiting'; readonly ahead: number; readonly consumers: readonly Consumption[] }
  /** `answered`: workers that take from other queues only. */
  | { readonly kind: 'noConsumer'; readonly ahead: number; readonly answered: readonly string[] }
  /** Its call is committed, and no relay has sent it to the broker yet. */
  | {
      readonly kind: 'outbox'
      /** The ORM whose database it is in. */
      readonly orm: string
      readonly since: Date
      /** Written before it. */
      readonly ahead: number
      /** Not to be run before this time, once it is sent. */
      readonly due: Date | undefined
      /** A relay sends it now. Undefined where the database does not tell. */
      readonly isHeld: boolean | undefined
      readonly failures: readonly RelayFailure[]
      /** Workers that answered. */
      readonly answered: readonly string[]
    }
  /** It still has a message, which the next worker drops. */
  | { readonly kind: 'revoked' }
  | { readonly kind: 'expired'; readonly expires: Date }
  | { readonly kind: 'dead'; readonly death: Death | undefined }
  /**
   * `isSearched` false: the search did not look at `unseen`, for its limit. `isResultRead` false: there is no result backend
   * here, so it may be over.
   */
  | {
      readonly kind: 'unknown'
      readonly isSearched: boolean
      readonly unseen: readonly Unseen[]
      readonly isResultRead: boolean
      readonly hints: readonly string[]
    }

/** Why a task is not running, or what became of it. */
export interface Explanation {
  readonly taskId: string
  readonly taskName: string | undefined
  /** Where it is, or died. */
  readonly queue: string | undefined
  /** As stored; `PENDING` where nothing is. */
  readonly state: TaskState
  readonly reason: Reason
  /** For people: the answer, then what else is known and what may help. */
  readonly lines: readonly string[]
}
