import type { TaskHeaders } from '../protocol/task-message.ts'
import { RevokedStamps, type Stamps } from './revoked-stamps.ts'

export interface Revocation {
  readonly terminate: boolean
}

interface RevocationsOptions {
  /** The oldest are forgotten above this. */
  readonly max: number
  readonly expiresMs: number
  readonly onRevoked: (taskId: string, revocation: Revocation) => void
  readonly now?: () => number
}

interface Revoked {
  readonly until: number
  /** Of the clock of this machine that is never set, in seconds: what Celery's workers tell each other. */
  readonly monotonicTime: number
}

/** What is revoked, as the control channel told: retained messages come first, so that it survives this process. */
export class Revocations {
  readonly #byId = new Map<string, Revoked>()
  readonly #stamps: RevokedStamps
  readonly #options: RevocationsOptions
  readonly #now: () => number

  constructor(options: RevocationsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#stamps = new RevokedStamps(options.max)
  }

  add(taskId: string, revocation: Revocation): void {
    this.#byId.delete(taskId)
    this.#byId.set(taskId, { until: this.#now() + this.#options.expiresMs, monotonicTime: monotonicSeconds() })
    this.#dropExpired()
    this.#options.onRevoked(taskId, revocation)
  }

  /** What another worker knows. What is known here gets no older and no younger by that. */
  learn(taskIds: readonly string[]): void {
    for (const id of taskIds) if (!this.#byId.has(id)) this.add(id, { terminate: false })
  }

  addStamps(stamps: Stamps): void {
    this.#stamps.add(stamps)
  }

  /** Costs next to nothing in the usual case, in which nothing is revoked. */
  covers(headers: Pick<TaskHeaders, 'id' | 'stamps'>): boolean {
    return (
      (this.#byId.size > 0 && this.#byId.has(headers.id)) || (this.#stamps.size > 0 && this.#stamps.covers(headers))
    )
  }

  ids(): string[] {
    this.#dropExpired()
    return [...this.#byId.keys()]
  }

  /**
   * For another worker, but for what it knows: by id, the time of the revoke, as a fraction because Celery takes no whole
   * number, and the id.
   */
  shared(known: readonly string[] = []): Record<string, [number, string]> {
    this.#dropExpired()
    const unknown = new Map(this.#byId)
    for (const id of known) unknown.delete(id)
    return Object.fromEntries(
      [...unknown].map(([id, { monotonicTime }]) => [id, [asFraction(monotonicTime), id]] as const),
    )
  }

  #dropExpired(): void {
    for (const [oldest, { until }] of this.#byId) {
      if (this.#byId.size <= this.#options.max && until > this.#now()) break
      this.#byId.delete(oldest)
    }
  }
}

/** The clock that Python's `time.monotonic()` reads: a time of this process would be far too old for it. */
function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9
}

function asFraction(time: number): number {
  return Number.isInteger(time) ? time + 1e-6 : time
}
