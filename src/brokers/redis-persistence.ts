import { setTimeout as sleep } from 'node:timers/promises'
import { type Redis, RedisConnectionLost } from '../drivers/open-redis.ts'
import { OperationalError } from '../errors.ts'

/** After an error that the server replied, and how long to wait for a connection at once. */
const retryPauseMs = 1000
/** How long an outage may last while a worker stops. What is not settled then comes back with the end of the lease. */
const drainPatienceMs = 10_000

/** Does what must be done, over outages and while the server refuses. It must bear to be done twice. */
export class RedisPersistence {
  /** True when nothing is taken any more: then a server that is away does not keep anybody for long. */
  isDraining = false
  readonly #redis: Redis
  readonly #running = new Set<Promise<void>>()

  constructor(redis: Redis) {
    this.#redis = redis
  }

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** Resolves when all that was begun so far is done or has failed. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  /** Rejects with OperationalError only while draining. */
  do<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#persist(work)
    const tracked = done.then(noValue, noValue).finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
    return done
  }

  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const startedAt = Date.now()
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error
        if (this.isDraining && Date.now() - startedAt > drainPatienceMs) throw error
        if (error instanceof RedisConnectionLost) await this.#redis.commands.ready(retryPauseMs).catch(noValue)
        else await sleep(retryPauseMs)
      }
    }
  }
}

function noValue(): void {
  // Whoever asked for the work sees what became of it.
}
