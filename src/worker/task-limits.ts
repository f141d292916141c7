import type { Celeriac } from '../app/app.ts'
import type { CompiledOptions } from '../app/compiled-options.ts'
import type { Task } from '../app/task.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { Request } from './request.ts'

type Change = Partial<Pick<CompiledOptions, 'rateIntervalMs' | 'timeLimitMs' | 'softTimeLimitMs'>>

/** The limits of tasks in one worker: as the tasks and the settings say, until somebody changes them by remote control. */
export class TaskLimits {
  readonly #app: Celeriac
  readonly #rates = new RateLimiter()
  readonly #changed = new Map<string, CompiledOptions>()
  readonly #rateTexts = new Map<string, string | number | undefined>()

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** What counts for calls that are taken from now on. */
  optionsOf(task: Task): CompiledOptions {
    return this.#changed.get(task.name) ?? task.compiledFor(this.#app)
  }

  /** Undefined: it may start now, and is counted. Else in how many milliseconds its message is to come back. */
  delayMs({ options, taskName, id }: Request): number | undefined {
    const { rateIntervalMs } = options
    return rateIntervalMs === undefined ? undefined : this.#rates.delayMs(taskName, id, rateIntervalMs)
  }

  /** The rate limit as it was written; undefined: none. */
  rateOf(task: Task): string | number | undefined {
    if (this.#rateTexts.has(task.name)) return this.#rateTexts.get(task.name)
    return task.options.rateLimit ?? this.#app.config.task.defaultRateLimit
  }

  /** `rate` as it was written. Calls that have their turn already keep it. Nothing changes where rate limits are off. */
  setRate(task: Task, rate: string | number | undefined, intervalMs: number | undefined): void {
    this.#rateTexts.set(task.name, rate)
    this.#rates.forget(task.name)
    if (!this.#app.config.worker.disableRateLimits) this.#change(task, { rateIntervalMs: intervalMs })
  }

  /** Milliseconds; undefined: no limit. */
  setTime(task: Task, softTimeLimitMs: number | undefined, timeLimitMs: number | undefined): void {
    this.#change(task, { softTimeLimitMs, timeLimitMs })
  }

  #change(task: Task, change: Change): void {
    this.#changed.set(task.name, Object.freeze({ ...this.optionsOf(task), ...change }))
  }
}
