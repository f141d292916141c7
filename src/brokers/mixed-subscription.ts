import type { Subscription } from './broker.ts'

interface Mixture {
  /** Of queues of the store. */
  readonly kept: Subscription
  /** Of what broadcasts wait in. */
  readonly local: Subscription
  /** Of the broadcast queues. */
  readonly names: ReadonlySet<string>
  readonly listen: (queue: string) => Promise<AsyncDisposable>
  readonly onDisposed: () => PromiseLike<void>
}

/** Queues of the store and broadcast queues as one subscription. */
export class MixedSubscription implements Subscription {
  readonly #mixture: Mixture
  readonly #listening = new Map<string, AsyncDisposable>()

  constructor(mixture: Mixture) {
    this.#mixture = mixture
  }

  get claimedAtMs(): number {
    return this.#mixture.kept.claimedAtMs
  }

  /** Hears the broadcasts, if it is a broadcast queue. */
  async listen(queue: string): Promise<void> {
    const { local, names, listen } = this.#mixture
    if (!names.has(queue) || this.#listening.has(queue)) return
    await local.add(queue)
    this.#listening.set(queue, await listen(queue))
  }

  async add(queue: string): Promise<void> {
    await this.#mixture.kept.add(queue)
    await this.listen(queue)
  }

  async cancel(queue: string): Promise<void> {
    const { kept, local } = this.#mixture
    await kept.cancel(queue)
    await this.#listening.get(queue)?.[Symbol.asyncDispose]()
    this.#listening.delete(queue)
    await local.cancel(queue)
  }

  async setPrefetch(count: number): Promise<void> {
    const { kept, local } = this.#mixture
    await Promise.all([kept.setPrefetch(count), local.setPrefetch(count)])
  }

  async pause(): Promise<void> {
    const { kept, local } = this.#mixture
    await Promise.all([kept.pause(), local.pause(), this.#stopListening()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { kept, local, onDisposed } = this.#mixture
    await this.#stopListening()
    await local[Symbol.asyncDispose]()
    await onDisposed()
    await kept[Symbol.asyncDispose]()
  }

  async #stopListening(): Promise<void> {
    const listening = [...this.#listening.values()]
    this.#listening.clear()
    await Promise.all(listening.map((each) => each[Symbol.asyncDispose]()))
  }
}
