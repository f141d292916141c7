import type { Outgoing } from '../brokers/broker.ts'
import type { Message } from '../protocol/message.ts'
import type { RemoteError } from '../protocol/remote-error.ts'
import type { TaskHeaders } from '../protocol/task-message.ts'

/** One attempt to make: everything a slot needs, as data. */
export interface Job {
  readonly headers: TaskHeaders
  readonly protocol: 1 | 2
  /** Its body is decoded in the slot. */
  readonly message: Message
  readonly queue: string
  readonly deliveryCount: number
  /** Milliseconds; undefined: no limit. */
  readonly softTimeLimitMs: number | undefined
  /** Milliseconds; undefined: no limit. */
  readonly hardTimeLimitMs: number | undefined
  /** The outcome shows the result also where no log does. */
  showsResult?: boolean
}

/** A finished member of a chord. What may hold anything is JSON, because it may cross a thread or process. */
export interface ChordPart {
  readonly groupId: string
  readonly index: number
  readonly taskId: string
  readonly rootId: string
  /** Of this attempt alone. */
  readonly token: string
  /** The message was given out before: an earlier attempt may have been cut off anywhere. */
  readonly isRedelivered: boolean
  /** Its meta: state and result. */
  readonly meta: string
  /** The signature of the chord's body. */
  readonly body: string
}

/** What follows from an attempt in its workflow. */
export interface Following {
  /** Published with the acknowledgement. */
  readonly successors?: readonly Outgoing[]
  /** Reported before it. */
  readonly parts?: readonly ChordPart[]
  /** Forgotten after it. */
  readonly used?: readonly { readonly workflowId: string; readonly part: number }[]
}

/** What became of one attempt. Data, because it may cross a thread or process. */
export type Outcome =
  | ({ readonly kind: 'succeeded'; readonly runtimeMs: number; readonly resultRepr: string } & Following)
  /** `isExpected`: the task lists the error in `throws`. */
  | ({
      readonly kind: 'failed'
      readonly runtimeMs: number
      readonly error: RemoteError
      readonly isExpected: boolean
    } & Following)
  | {
      readonly kind: 'retried'
      readonly runtimeMs: number
      readonly error: RemoteError | undefined
      readonly when: Date
      readonly next: Outgoing
    }
  /** With `successors`: they take its place. */
  | ({ readonly kind: 'ignored'; readonly runtimeMs: number; readonly reason: string } & Following)
  | { readonly kind: 'rejected'; readonly runtimeMs: number; readonly requeue: boolean; readonly reason: string }
  /** The body stopped because it was told to: revoked, the worker stops, the loan was lost. */
  | { readonly kind: 'cancelled'; readonly runtimeMs: number; readonly reason: CancelReason }
  /** The hard time limit passed: the body was stopped, or abandoned where it cannot be. */
  | { readonly kind: 'timedOut'; readonly runtimeMs: number; readonly limitMs: number }
  /** The message cannot be read: it goes among the dead letters. */
  | ({ readonly kind: 'undecodable'; readonly runtimeMs: number; readonly reason: string } & Following)
  /** Something other than the task failed, such as the result backend: the message goes back, not counted if transient. */
  | { readonly kind: 'lost'; readonly runtimeMs: number; readonly reason: string; readonly isTransient: boolean }

export type CancelReason = 'revoked' | 'shutdown' | 'loanLost'

/** What the slot tells the pipeline that runs in it. */
export interface Attempt {
  /** Aborts when the body should stop; its reason is an error that says why. */
  readonly signal: AbortSignal
  readonly cancelled: CancelReason | undefined
  /** The body is over and the limits no longer apply. False: too late, nothing this attempt does is accepted. */
  bodyEnded(): boolean
  /** Where only the parent knows it: whether what the body did will be accepted, asked before it is committed. */
  isAccepted?(): Promise<boolean>
}

/** The pipeline a pool is given: one attempt, from bytes to stored result. Never rejects. */
export type Execute = (job: Job, attempt: Attempt) => Promise<Outcome>

export interface Execution {
  readonly outcome: Promise<Outcome>
  /** Of the process that runs it; undefined before one does. */
  readonly pid: number | undefined
  /** Asks the body to stop: aborts its signal. */
  cancel(reason: CancelReason): void
  /** Ends it: aborts its signal, and then the slot is stopped or, in the async pool, the body abandoned and fenced. */
  terminate(reason: CancelReason): void
}

/** The broker's loan of the message, as far as a pool looks at it: a Delivery is one. */
export interface Loan {
  /** The message was given to somebody else. */
  readonly isLost: boolean
}

/** Where task bodies run: this event loop, threads or processes. */
export interface Pool extends AsyncDisposable {
  /** How many bodies run at once. */
  readonly size: number
  /** Bodies that run now, the abandoned ones included: one that ended is not counted while its result is stored. */
  readonly busy: number
  /** Attempts that are over, whose bodies hold a slot all the same because nothing here can end them. */
  readonly abandoned: readonly Job[]
  /** The processes that bodies run in. */
  readonly pids: readonly number[]
  /** Resolves when bodies can run. Rejects, with the reason, if they never will. */
  start(): Promise<void>
  /** Another body can begin now, or next to no time after one that is measured as very short. */
  hasRoom(job: Job): boolean
  /**
   * Never throws: whatever happens is an outcome. What an attempt does after its `loan` is lost is not accepted.
   * `onStarted` is called when a slot begins with it, perhaps before this returns; not for a job that never began.
   */
  run(job: Job, loan?: Loan, onStarted?: () => void): Execution
  /** A smaller size is reached as bodies end. */
  resize(size: number): Promise<void>
  /** Replaces its threads or processes by fresh ones, which load the app anew, as bodies end. Missing where there are none. */
  restart?(): void
}
