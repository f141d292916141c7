import type { RedisConnectionLost } from '../drivers/open-redis.ts'
import { OperationalError } from '../errors.ts'
import type { Push } from './redis-messages.ts'

/**
 * Calls of one turn are gathered up to so many messages: while the server takes some, those who awaited others go on. One
 * call with more of them stays one.
 */
const largestBatch = 32
/** A script holds up the whole server. */
const largestText = 4_000_000

/** A class and no literal for the garbage collector: see `Guarded` of `util/deadlines.ts`. */
class Call {
  readonly pushes: readonly Push[]
  readonly giveUpAt: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void

  constructor(
    pushes: readonly Push[],
    giveUpAt: number,
    { resolve, reject }: Pick<PromiseWithResolvers<void>, 'resolve' | 'reject'>,
  ) {
    this.pushes = pushes
    this.giveUpAt = giveUpAt
    this.resolve = resolve
    this.reject = reject
  }
}

/** What one turn of the event loop publishes. It is carried out once, under its number, or not at all. */
export class PublishBatch {
  number = 0
  #calls: Call[] = []
  #messages = 0
  #characters = 0
  /** It was sent once, and nothing tells whether it was carried out. */
  #isInDoubt = false
  /** Why it was not sent, or not confirmed. */
  #reason: Error | undefined

  get calls(): readonly Pick<Call, 'pushes'>[] {
    return this.#calls
  }

  /** Nobody waits for it. */
  get isEmpty(): boolean {
    return this.#calls.length === 0
  }

  /** When the first of its callers gives up, in ms since the epoch. */
  get giveUpAt(): number {
    return Math.min(...this.#calls.map(({ giveUpAt }) => giveUpAt))
  }

  hasRoomFor(messages: number, characters: number): boolean {
    return this.#messages + messages <= largestBatch && this.#characters + characters <= largestText
  }

  add(pushes: readonly Push[], characters: number, giveUpAt: number): Promise<void> {
    this.#messages += pushes.length
    this.#characters += characters
    const settling = Promise.withResolvers<void>()
    this.#calls.push(new Call(pushes, giveUpAt, settling))
    return settling.promise
  }

  finish(): void {
    for (const { resolve } of this.#calls) resolve()
  }

  fail(error: unknown): void {
    for (const { reject } of this.#calls) reject(error)
  }

  doubt(reason: RedisConnectionLost): void {
    this.#isInDoubt ||= reason.mayHaveRun
    this.#reason = reason
  }

  /** Whoever was told that his call failed must not find it published later. */
  dropLate(): void {
    const nowMs = Date.now()
    const isLate = ({ giveUpAt }: Call): boolean => giveUpAt <= nowMs
    if (!this.#calls.some(isLate)) return
    const outcome = this.#isInDoubt ? 'it may or may not have been carried out' : 'it was not carried out'
    const error = new OperationalError(
      `A publish was not confirmed before its time was up; ${outcome}: ${this.#reason?.message ?? 'no connection to Redis'}`,
      { cause: this.#reason },
    )
    for (const { reject } of this.#calls.filter(isLate)) reject(error)
    this.#calls = this.#calls.filter((call) => !isLate(call))
  }
}
