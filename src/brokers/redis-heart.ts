import type { RedisOptions } from '../drivers/open-redis.ts'
import { LeaseThread } from './lease-thread.ts'

/** What the thread is started with. */
export interface HeartThreadData {
  readonly url: string
  readonly options: RedisOptions
  /** Times of {@link steadyMs}; see {@link RedisHeart.isSuspect}. */
  readonly signs: BigInt64Array
  readonly consumerId: string
}

/** When the thread last looked at the clock. */
export const lookedAt = 0
/** When it last found that it had not looked for long: the process stood still until then. */
export const stoodStillUntil = 1
/** When the last renewal that the server confirmed was sent. */
export const renewedAt = 2

/** How often the thread looks at the clock. */
export function lookEveryMs(leaseMs: number): number {
  return Math.min(1000, leaseMs / 10)
}

/** Not having looked for longer means that the process stood still. */
export function longestPauseMs(leaseMs: number): bigint {
  return BigInt(Math.ceil(3 * lookEveryMs(leaseMs)))
}

/** `redis-heart-thread.ts` beside this file, or what the build made of it. */
const entry = new URL(`./redis-heart-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url)

/** Of all threads of the process; it goes on while the process is stopped. */
export function steadyMs(): bigint {
  return process.hrtime.bigint() / 1_000_000n
}

/** Renews this consumer's lease from a thread, and knows whether the process stood still for longer than it lasts. */
export class RedisHeart {
  readonly #signs = new BigInt64Array(new SharedArrayBuffer(24))
  readonly #leaseMs: bigint
  readonly #longestPauseMs: bigint
  readonly #thread: LeaseThread<string>

  /** `sentMs`, by {@link steadyMs}: when the lease was asked for. */
  constructor(
    url: string,
    options: RedisOptions,
    consumerId: string,
    sentMs: bigint,
    onLost: (consumerId: string) => void,
  ) {
    this.#leaseMs = BigInt(Math.ceil(options.leaseMs))
    this.#longestPauseMs = longestPauseMs(options.leaseMs)
    for (const sign of [lookedAt, renewedAt]) Atomics.store(this.#signs, sign, sentMs)
    const workerData: HeartThreadData = { url, options, signs: this.#signs, consumerId }
    this.#thread = new LeaseThread({ entry, name: 'celeriac-heart', workerData, onLost })
  }

  /** False before it has started and after it has failed: then the event loop has to renew. */
  get isReady(): boolean {
    return this.#thread.isReady
  }

  /** Resolves when it has started or failed. */
  started(): Promise<void> {
    return this.#thread.started()
  }

  /**
   * True if the whole process stood still and has not renewed for as long as a lease, be it that nobody has told it yet:
   * somebody else may have got what it holds. Asks nobody, so that it can be asked at any moment. That the server is away
   * for longer is no reason: it calls nobody dead then.
   */
  get isSuspect(): boolean {
    const nowMs = steadyMs()
    const renewedMs = Atomics.load(this.#signs, renewedAt)
    if (nowMs - renewedMs <= this.#leaseMs) return false
    return (
      Atomics.load(this.#signs, stoodStillUntil) > renewedMs ||
      nowMs - Atomics.load(this.#signs, lookedAt) > this.#longestPauseMs
    )
  }

  /** The event loop has renewed. */
  noteRenewal(sentMs: bigint): void {
    Atomics.store(this.#signs, renewedAt, sentMs)
  }

  /** Renews this consumer's lease from now on, instead of the one before. */
  keep(consumerId: string, sentMs: bigint): void {
    this.noteRenewal(sentMs)
    this.#thread.keep(consumerId)
  }

  stop(): Promise<void> {
    return this.#thread.stop()
  }
}
