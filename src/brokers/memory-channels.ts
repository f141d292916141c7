import type { Message } from '../protocol/message.ts'
import { throwLater } from '../util/throw-later.ts'
import type { Channel } from './broker.ts'

interface Retained {
  readonly message: Message
  readonly until: number
}

/** One listener of a channel. It hears a message in the turn after it was sent, in order. */
class Listener implements AsyncDisposable {
  readonly #listeners: Set<Listener>
  readonly #onMessage: (message: Message) => void
  readonly #onDisposed: () => void
  #inbox: Message[] = []

  constructor(listeners: Set<Listener>, onMessage: (message: Message) => void, onDisposed: () => void) {
    this.#listeners = listeners
    this.#onMessage = onMessage
    this.#onDisposed = onDisposed
    listeners.add(this)
  }

  tell(message: Message): void {
    this.#inbox.push(message)
    if (this.#inbox.length === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const messages = this.#inbox
    this.#inbox = []
    for (const message of messages) {
      if (!this.#listeners.has(this)) return
      try {
        this.#onMessage(message)
      } catch (error) {
        throwLater(error)
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.delete(this)
    this.#onDisposed()
    return Promise.resolve()
  }
}

/** Channels by name: who listens, and what is kept for those who come later. */
export class MemoryChannels {
  readonly #listeners = new Map<Channel, Set<Listener>>()
  readonly #retained = new Map<Channel, Retained[]>()

  /** How many heard it. */
  broadcast(message: Message, channel: Channel, retainMs: number): number {
    const listeners = this.#listeners.get(channel) ?? new Set()
    for (const listener of listeners) listener.tell(message)
    if (retainMs > 0) this.#retain(message, channel, retainMs)
    return listeners.size
  }

  #retain(message: Message, channel: Channel, retainMs: number): void {
    this.#dropExpired()
    const kept = this.#retained.get(channel)
    const retained = { message, until: Date.now() + retainMs }
    if (kept) kept.push(retained)
    else this.#retained.set(channel, [retained])
  }

  isHeard(channel: Channel): boolean {
    return (this.#listeners.get(channel)?.size ?? 0) > 0
  }

  listen(channel: Channel, onMessage: (message: Message) => void, onDisposed: () => void): AsyncDisposable {
    let listeners = this.#listeners.get(channel)
    if (!listeners?.size) {
      this.#dropUnheard()
      listeners = new Set()
      this.#listeners.set(channel, listeners)
    }
    const listener = new Listener(listeners, onMessage, onDisposed)
    this.#dropExpired()
    for (const { message } of this.#retained.get(channel) ?? []) listener.tell(message)
    return listener
  }

  #dropUnheard(): void {
    for (const [channel, listeners] of this.#listeners) if (listeners.size === 0) this.#listeners.delete(channel)
  }

  #dropExpired(): void {
    const now = Date.now()
    for (const [channel, kept] of this.#retained) {
      const left = kept.filter(({ until }) => until > now)
      if (left.length > 0) this.#retained.set(channel, left)
      else this.#retained.delete(channel)
    }
  }
}
