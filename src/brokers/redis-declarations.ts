import type { Redis } from '../drivers/open-redis.ts'
import type { RedisNames } from './redis-names.ts'

/** Writes down the queues that are used: for kombu as Celery declares them, and for our own list of names. */
export class RedisDeclarations {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #declared = new Set<string>()

  constructor(redis: Redis, names: RedisNames) {
    this.#redis = redis
    this.#names = names
    // The server that it was declared at may have been replaced by an empty one.
    redis.commands.onLost(() => this.#declared.clear())
  }

  /** At the first use of each queue. Goes ahead of what is sent next; nobody has to wait for it. */
  declare(queue: string): void {
    if (this.#declared.has(queue)) return
    this.#declared.add(queue)
    const names = this.#names
    const forget = (): void => {
      this.#declared.delete(queue)
    }
    this.#redis.commands.send(['SADD', names.queues, queue]).catch(forget)
    this.#redis.commands.send(['SADD', names.binding(queue), names.bindingMember(queue)]).catch(forget)
  }
}
