import type { ControlReply } from '../protocol/control-message.ts'

export interface CollectionOptions {
  readonly timeoutMs: number
  /** Undefined: as many as come in time. */
  readonly limit: number | undefined
  readonly onReply: ((reply: ControlReply) => void) | undefined
}

/** The replies to one question. */
export class Collection {
  readonly #options: CollectionOptions
  readonly #replies: ControlReply[] = []
  readonly #over = Promise.withResolvers<void>()
  #timer: NodeJS.Timeout | undefined
  #isCollecting = false

  constructor(options: CollectionOptions) {
    this.#options = options
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

  /** The question is sent: from now on the time counts. Rejects with what `onReply` threw. */
  async collect(): Promise<readonly ControlReply[]> {
    this.#isCollecting = true
    this.#wait()
    await this.#over.promise
    return this.#replies
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#over.resolve()
  }

  #wait(): void {
    clearTimeout(this.#timer)
    const { limit, timeoutMs } = this.#options
    if (limit !== undefined && this.#replies.length >= limit) this.#over.resolve()
    else if (this.#isCollecting) this.#timer = setTimeout(() => this.#over.resolve(), timeoutMs)
  }
}
