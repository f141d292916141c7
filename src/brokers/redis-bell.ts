import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis, RedisConnection } from '../drivers/open-redis.ts'

/** How long one command waits: so often a connection that died in silence is noticed. */
const waitSeconds = 5
const retryPauseMs = 1000

/** Sends a take on this connection, or undefined if it is not the time to. Resolves, whatever becomes of it. */
export type TakeBehind = (connection: RedisConnection) => Promise<void> | undefined

/**
 * Rings when a list has messages. It leaves them there, so that nothing is lost with a connection. A take is sent behind
 * the command that waits, so that the server carries it out as soon as the wait is over: the first message after a rest
 * is here without another round trip.
 */
export class RedisBell implements AsyncDisposable {
  readonly #connection: RedisConnection
  readonly #list: string
  readonly #ring: () => void
  readonly #takeBehind: TakeBehind
  #isArmed = false
  #waiting: Promise<void> | undefined
  #isDisposed = false

  constructor(redis: Redis, list: string, ring: () => void, takeBehind: TakeBehind) {
    this.#connection = redis.connect('bell')
    this.#list = list
    this.#ring = ring
    this.#takeBehind = takeBehind
  }

  /** Rings once, at once where messages are there already. */
  arm(): void {
    this.#isArmed = true
    if (this.#isDisposed) return
    this.#waiting ??= this.#wait().finally(() => {
      this.#waiting = undefined
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#isArmed = false
    await this.#connection[Symbol.asyncDispose]()
    await this.#waiting
  }

  async #wait(): Promise<void> {
    while (this.#isArmed) {
      if (await this.#hasMessages()) {
        this.#isArmed = false
        this.#ring()
      }
    }
  }

  /** Moves the next message to where it is: kombu's own waiters are not disturbed by it (celery-wire 3.12). */
  async #hasMessages(): Promise<boolean> {
    try {
      await this.#connection.ready()
      const command = ['BLMOVE', this.#list, this.#list, 'RIGHT', 'RIGHT', String(waitSeconds)]
      const waits = this.#connection.send(command, { asBytes: true, blocksMs: waitSeconds * 1000 })
      const [found] = await Promise.all([waits, this.#takeBehind(this.#connection)])
      return found !== null
    } catch {
      // The takes meet the same server, and tell what is wrong with it.
      if (!this.#isDisposed) await sleep(retryPauseMs, undefined, { ref: false })
      return false
    }
  }
}
