import { AsyncLocalStorage } from 'node:async_hooks'
import { ImproperlyConfigured, MaxRetriesExceeded, Retry } from '../errors.ts'
import type { Embed } from '../protocol/task-body.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import { withFields, type Logger } from '../util/logger.ts'
import type { Celeriac } from './app.ts'
import { checkKeys } from './check-keys.ts'
import { hasRetriesLeft, retryDelayMs } from './retry-policy.ts'
import type { Task } from './task.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

/** How a message came to this worker. */
export interface DeliveryInfo {
  readonly queue: string
  readonly priority: number | undefined
  /** It was given out before: that worker died, or gave it back. */
  readonly redelivered: boolean
  readonly deliveryCount: number
}

/** What is known of the call that runs now; Celery's `self.request`. */
export interface TaskRequest {
  readonly id: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Earlier retries: 0 on the first attempt. */
  readonly retries: number
  readonly eta: Date | undefined
  readonly expires: Date | undefined
  /** The first task of the workflow; its own id if it is the first. */
  readonly rootId: string
  /** The task that published this one. */
  readonly parentId: string | undefined
  readonly group: string | undefined
  readonly groupIndex: number | undefined
  /** Headers the caller added. */
  readonly headers: Readonly<Record<string, unknown>>
  /** Labels of the call by name. */
  readonly stamps: Readonly<Record<string, unknown>>
  readonly deliveryInfo: DeliveryInfo | undefined
  /** Seconds. */
  readonly timeLimit: { readonly hard: number | undefined; readonly soft: number | undefined }
  /** Node name of the worker. */
  readonly hostname: string
  /** Node name of the sender. */
  readonly origin: string | undefined
  readonly correlationId: string | undefined
  readonly replyTo: string | undefined
  readonly isEager: boolean
  /** Called as a plain function, without a message. */
  readonly calledDirectly: boolean
}

export interface RetryOptions {
  readonly countdown?: Duration
  readonly eta?: Date
  /** The reason; it becomes the failure when no retries are left. */
  readonly error?: unknown
  /** Instead of the task's own. */
  readonly maxRetries?: number
}

const retryOptions = ['countdown', 'eta', 'error', 'maxRetries'] as const satisfies (keyof RetryOptions)[]

/** What an attempt gives its body: the parts that its slot supplies. */
export interface AttemptHooks {
  readonly signal: AbortSignal
  updateState(state: string, meta: unknown): Promise<void>
  /** What the message says of the task's place in a workflow. */
  readonly embed?: Embed
}

/** `this` of a task body, and what `currentTask()` returns. */
export class TaskContext {
  readonly app: Celeriac
  readonly task: Task
  readonly request: TaskRequest
  readonly #hooks: AttemptHooks
  #log: Logger | undefined
  #children: string[] | undefined

  constructor(app: Celeriac, task: Task, request: TaskRequest, hooks: AttemptHooks) {
    this.app = app
    this.task = task
    this.request = request
    this.#hooks = hooks
  }

  /** Aborts when the attempt should stop: soft time limit, revoked, worker stops, message lost. The reason is an error that says which. */
  get signal(): AbortSignal {
    return this.#hooks.signal
  }

  /** @internal */
  get embed(): Embed | undefined {
    return this.#hooks.embed
  }

  /** A logger whose lines carry `taskId` and `taskName`. */
  get log(): Logger {
    this.#log ??= withFields(this.app.log, { taskId: this.request.id, taskName: this.request.task })
    return this.#log
  }

  /** Ids of the tasks this one published so far. */
  get children(): readonly string[] {
    return this.#children ?? []
  }

  /** @internal */
  addChild(taskId: string): void {
    ;(this.#children ??= []).push(taskId)
  }

  /**
   * Leaves the body by throwing Retry: the task runs again after `countdown`, at `eta`, or after the task's own delay.
   * Throws `error` (or MaxRetriesExceeded) instead when no retries are left.
   */
  retry(options: RetryOptions = {}): never {
    checkKeys(options, retryOptions, 'retry()')
    const policy = this.task.compiledFor(this.app).retry
    const { retries } = this.request
    if (!hasRetriesLeft(options.maxRetries ?? policy.maxRetries, retries)) {
      if (options.error instanceof Error) throw options.error
      const message = `${this.request.task}[${this.request.id}] was retried ${retries} times, the most it may be`
      throw new MaxRetriesExceeded(message, { cause: options.error })
    }
    const delayMs =
      options.countdown === undefined ? retryDelayMs(policy, retries) : durationMs(options.countdown, 'countdown')
    throw new Retry(options.eta ?? new Date(Date.now() + delayMs), options.error)
  }

  /** Stores a state of the task's own, such as `PROGRESS`, with its meta. */
  updateState(state: string, meta?: unknown): Promise<void> {
    return this.#hooks.updateState(state, meta)
  }

  /** Waits; rejects with the reason of `signal` as soon as the attempt should stop. */
  sleep(duration: Duration): Promise<void> {
    const { signal } = this
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal.reason as Error)
      }
      const timer = setLongTimeout(
        () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        },
        durationMs(duration, 'sleep'),
      )
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}

const running = new AsyncLocalStorage<TaskContext>()

/** The context of the task that runs now. Throws outside a task. */
export function currentTask(): TaskContext {
  const context = running.getStore()
  if (!context) throw new ImproperlyConfigured('currentTask() was called outside a task: there is none running here')
  return context
}

/** The context of the task that runs now, if one does. */
export function maybeCurrentTask(): TaskContext | undefined {
  return running.getStore()
}

/** Runs `body` with `context` as the current task. */
export function runInContext<R>(context: TaskContext, body: () => R): R {
  return running.run(context, body)
}
