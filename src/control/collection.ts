import type { ControlReply } from '../protocol/control-message.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

export interface CollectionOptions {
  readonly timeoutMs: number
  /** Undefined or 0: as many as come in time. */
  readonly limit: number | undefined
  readonly onReply: ((reply: ControlReply) => void) | undefined
}

export interface Expectation {
  /** Replies; 0 for none. */
  readonly limit: number
  /** For how long nobody more may answer once they are there: those that are known may be several. Default 0. */
  readonly lingerMs?: number
}

/** The replies to one question. */
export class Collection {
  readonly #options: CollectionOptions
  readonly #replies: ControlReply[] = []
  readonly #over = Promise.withResolvers<void>()
  #expectation: Expectation | undefined
  #timer: NodeJS.Timeout | undefined
  #isCollecting = false

  constructor(options: CollectionOptions) {
    this.#options = options
    this.#expectation = options.limit ? { limit: options.limit } : undefined
    this.#over.promise.catch(() => undefined)
  }

  add(replies: readonly ControlReply[]): void {
    for (const reply of replies) {
      this.#replies.push(reply)
      try {
        this.#options.onReply?.(reply)
      } catch (error) {
        this.#over.reject(error)
      }
    }
    this.#wait()
  }

  /**
   * The question is sent: from now on the time counts. `expectation`: what can be expected, as the sending told. Rejects with
   * what `onReply` threw.
   */
  async collect(
    expectation: Expectation | undefined = this.#expectation,
    signal?: AbortSignal,
  ): Promise<readonly ControlReply[]> {
    this.#expectation = expectation
    this.#isCollecting = true
    this.#wait()
    if (signal?.aborted) this.close()
    signal?.addEventListener('abort', () => this.close(), { once: true })
    await this.#over.promise
    return this.#replies
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#over.resolve()
  }

  #wait(): void {
    clearTimeout(this.#timer)
    const { limit = Infinity, lingerMs = 0 } = this.#expectation ?? {}
    const isComplete = this.#replies.length >= limit
    if (isComplete && lingerMs === 0) this.#over.resolve()
    else if (this.#isCollecting)
      this.#timer = setLongTimeout(() => this.#over.resolve(), isComplete ? lingerMs : this.#options.timeoutMs)
  }
}
