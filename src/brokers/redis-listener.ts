import { setTimeout as sleep } from 'node:timers/promises'
import { decodeEnvelope } from '../protocol/envelope.ts'
import type { Message } from '../protocol/message.ts'
import { throwLater } from '../util/throw-later.ts'
import { retainedNumber, type RetainedEnvelope } from './redis-retained.ts'

/** How long a listener waits before it asks again for what was retained. */
const retryPauseMs = 200

/** One listener: hears what is published, and after each (re)connection first what was retained meanwhile. */
export class RedisListener {
  readonly #onMessage: (message: Message) => void
  readonly #readRetained: (after: number) => Promise<readonly RetainedEnvelope[]>
  readonly #onMissed: (() => void) | undefined
  /** What came while the retained messages are being read. */
  #held: string[] | undefined = []
  /** The last retained message it heard. */
  #lastNumber = 0
  /** Raised with each connection: an older reading is of no use then. */
  #connection = 0
  #isOpen = true

  constructor(
    onMessage: (message: Message) => void,
    readRetained: (after: number) => Promise<readonly RetainedEnvelope[]>,
    onMissed?: () => void,
  ) {
    this.#onMessage = onMessage
    this.#onMissed = onMissed
    this.#readRetained = readRetained
  }

  close(): void {
    this.#isOpen = false
  }

  /** A published envelope. */
  hear(text: string): void {
    if (this.#held) this.#held.push(text)
    else this.#tell(text)
  }

  /** The first reading; its error is the caller's. */
  async start(): Promise<void> {
    const connection = this.#connection
    const retained = await this.#readRetained(0)
    // In a turn of its own: nobody is told anything before `listen` returned.
    setImmediate(() => {
      if (connection === this.#connection) this.#catchUp(retained)
    })
  }

  /** The connection was lost and is there again: messages may have been missed. */
  readonly resubscribed = (): void => {
    this.#held ??= []
    void this.#readAgain(++this.#connection)
  }

  async #readAgain(connection: number): Promise<void> {
    while (this.#isOpen && connection === this.#connection) {
      try {
        const retained = await this.#readRetained(this.#lastNumber)
        if (connection === this.#connection) {
          this.#catchUp(retained)
          if (this.#onMissed) setImmediate(this.#onMissed)
        }
        return
      } catch {
        // The connection for commands may come back later than that of the subscription.
        await sleep(retryPauseMs, undefined, { ref: false })
      }
    }
  }

  #catchUp(retained: readonly RetainedEnvelope[]): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const { text } of retained) this.#tell(text)
    for (const text of held) this.#tell(text)
  }

  #tell(text: string): void {
    if (!this.#isOpen) return
    const number = retainedNumber(text)
    if (number !== undefined && number <= this.#lastNumber) return
    if (number !== undefined) this.#lastNumber = number
    tell(this.#onMessage, text)
  }
}

/** Calls a listener with the message of an envelope. Anybody can publish anything: what is no envelope is skipped. */
export function tell(onMessage: (message: Message) => void, text: string): void {
  let message: Message
  try {
    message = decodeEnvelope(text).message
  } catch {
    return
  }
  try {
    onMessage(message)
  } catch (error) {
    throwLater(error)
  }
}
