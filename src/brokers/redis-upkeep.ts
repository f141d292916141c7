import type { RedisOptions } from '../drivers/open-redis.ts'
import type { RedisConsumer } from './redis-consumer.ts'
import type { RedisSweep } from './redis-sweep.ts'

/** How often to look for consumers that are gone. */
const longestRoundMs = 5000
/** How often to look for what Python's consumers left. */
const longestRestoreMs = 60_000

/** Rounds for the common good, by everybody who takes messages, at moments of his own. */
export class RedisUpkeep {
  readonly #sweep: RedisSweep
  readonly #consumer: RedisConsumer
  readonly #roundMs: number
  readonly #restoreEveryMs: number
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #restoreAtMs = 0
  #isStopped = false

  constructor(sweep: RedisSweep, consumer: RedisConsumer, { leaseMs, visibilityTimeoutMs }: RedisOptions) {
    this.#sweep = sweep
    this.#consumer = consumer
    this.#roundMs = Math.min(longestRoundMs, leaseMs / 4)
    this.#restoreEveryMs = Math.min(longestRestoreMs, Math.max(visibilityTimeoutMs / 4, 500))
  }

  start(): void {
    if (this.#timer || this.#isStopped) return
    this.#plan(0)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#round
  }

  #plan(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#round = this.#doRound().finally(() => {
        if (!this.#isStopped) this.#plan(this.#roundMs * (0.75 + Math.random() / 2))
      })
    }, delayMs).unref()
  }

  async #doRound(): Promise<void> {
    try {
      await this.#consumer.renew()
      await this.#sweep.buryDead(this.#consumer.leaseIfKnown?.id)
      if (Date.now() < this.#restoreAtMs) return
      this.#restoreAtMs = Date.now() + this.#restoreEveryMs
      await this.#sweep.restoreVisible()
    } catch {
      // The server is away: whoever takes messages meets the same error and tells it. The next round tries again.
    }
  }
}
