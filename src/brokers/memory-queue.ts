import type { Message } from '../protocol/message.ts'
import { Heap } from '../util/heap.ts'
import type { IsOver } from './broker.ts'

/** One message of a queue and its place in it, which it keeps when it is given back. */
export interface Entry {
  readonly message: Message
  readonly priority: number
  /** Grows with every message of the store: first come, first served within a priority. */
  readonly sequence: number
  /** How often it was lent out so far. */
  deliveries: number
  /** Not delivered before this time, in milliseconds since 1970. */
  dueAt: number
}

/** Higher priority first, then first come. */
export function isBefore(a: Entry, b: Entry): boolean {
  return a.priority === b.priority ? a.sequence < b.sequence : a.priority > b.priority
}

function isDueBefore(a: Entry, b: Entry): boolean {
  return a.dueAt === b.dueAt ? isBefore(a, b) : a.dueAt < b.dueAt
}

function inOrder(entries: readonly Entry[], before: (a: Entry, b: Entry) => boolean): Entry[] {
  return entries.toSorted((a, b) => (before(a, b) ? -1 : 1))
}

/** The messages of one name: ready, deferred, and the number of those that are lent. */
export class MemoryQueue {
  readonly name: string
  readonly #ready = new Heap<Entry>(isBefore)
  readonly #deferred = new Heap<Entry>(isDueBefore)
  lent = 0
  /** Subscriptions that take from this queue. */
  subscribers = 0

  constructor(name: string) {
    this.name = name
  }

  get waiting(): number {
    return this.#ready.size + this.#deferred.size
  }

  put(entry: Entry): void {
    if (entry.dueAt > 0 && entry.dueAt > Date.now()) this.#deferred.push(entry)
    else this.#ready.push(entry)
  }

  /** Makes ready what is due at `now` and returns when the next is, or undefined. */
  advance(now: number): number | undefined {
    let next = this.#deferred.peek()
    while (next && next.dueAt <= now) {
      this.#deferred.pop()
      this.#ready.push(next)
      next = this.#deferred.peek()
    }
    return next?.dueAt
  }

  first(): Entry | undefined {
    return this.#ready.peek()
  }

  take(): Entry | undefined {
    return this.#ready.pop()
  }

  /** The ready entries in the order of delivery, then the deferred ones as they become due. */
  list(only?: 'deferred'): Entry[] {
    this.advance(Date.now())
    const ready = only ? [] : inOrder(this.#ready.items(), isBefore)
    return [...ready, ...inOrder(this.#deferred.items(), isDueBefore)]
  }

  /** How many ready entries are delivered before one of them. */
  countBefore(entry: Entry): number {
    return this.#ready.items().filter((other) => isBefore(other, entry)).length
  }

  /** Deletes those of the first ready entries that are over; the headers of these. */
  prune(limit: number, isOver: IsOver): Message['headers'][] {
    const first = this.#ready.items().toSorted((a, b) => a.sequence - b.sequence)
    const over = new Set(first.slice(0, limit).filter(({ message }) => isOver(message.headers)))
    if (over.size > 0) {
      this.#ready.clear()
      for (const entry of first) if (!over.has(entry)) this.#ready.push(entry)
    }
    return [...over].map(({ message }) => message.headers)
  }

  clear(): number {
    const count = this.waiting
    this.#ready.clear()
    this.#deferred.clear()
    return count
  }
}
