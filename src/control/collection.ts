import type { ControlReply } from '../protocol/control-message.ts'

export interface CollectionOptions {
  readonly timeoutMs: number
  /** Undefined or 0: as many as come in time. */
  readonly limit: number | undefined
  readonly onReply: ((reply: ControlReply) => void) | undefined
}

/** The replies to one question. */
export class Collection {
  readonly #options: CollectionOptions
  readonly #replies: ControlReply[] = []
  readonly #over = Promise.withResolvers<void>()
  #limit: number | undefined
  #timer: NodeJS.Timeout | undefined
  #isCollecting = false

  constructor(options: CollectionOptions) {
    this.#options = options
    this.#limit = options.limit || undefined
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
   * The question is sent: from now on the time counts. `limit`: how many can be expected, as the sending told; 0 for none.
   * Rejects with what `onReply` threw.
   */
  async collect(limit: number | undefined = this.#limit, signal?: AbortSignal): Promise<readonly ControlReply[]> {
    this.#limit = limit
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
    const limit = this.#limit
    if (limit !== undefined && this.#replies.length >= limit) this.#over.resolve()
    else if (this.#isCollecting) this.#timer = setTimeout(() => this.#over.resolve(), this.#options.timeoutMs)
  }
}
