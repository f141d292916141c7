import type { Message } from '../protocol/message.ts'
import type { Outgoing } from './broker.ts'
import { type Entry, MemoryQueue } from './memory-queue.ts'
import { MemoryChannels } from './memory-channels.ts'

/** A subscription as the store sees it. */
export interface Taker {
  readonly queues: readonly MemoryQueue[]
  /** Takes what is ready and fits, and hands it on. Returns whether it would take more at once. */
  take(): boolean
}

/** Who lends messages out, as the store sees it. */
export interface MemoryLender {
  /** What is lent now, and the names of the queues that it came from. */
  lent(): Iterable<{ readonly message: Message; readonly queue: string }>
}

/** A timer is set anew at least this often, so that it follows a changed clock and the sleep of the machine. */
const longestTimerMs = 60_000

function priorityOf(message: Message): number {
  return Math.min(9, Math.max(0, message.properties.priority ?? 0))
}

/** The queues and channels that all brokers of one name share, and the turns in which they deliver. */
export class MemoryStore {
  readonly channels: MemoryChannels = new MemoryChannels()
  readonly #queues = new Map<string, MemoryQueue>()
  /** Subscriptions until they are disposed of. */
  readonly lenders: Set<MemoryLender> = new Set()
  #takers: Taker[] = []
  #sequence = 0
  #isAwake = false
  #timer: NodeJS.Timeout | undefined
  #timerDue = Infinity

  queue(name: string): MemoryQueue {
    let queue = this.#queues.get(name)
    if (!queue) {
      queue = new MemoryQueue(name)
      this.#queues.set(name, queue)
    }
    return queue
  }

  find(name: string): MemoryQueue | undefined {
    return this.#queues.get(name)
  }

  names(): string[] {
    return [...this.#queues.values()].filter((queue) => queue.waiting + queue.lent > 0).map((queue) => queue.name)
  }

  queues(): Iterable<MemoryQueue> {
    return this.#queues.values()
  }

  publish(messages: readonly Outgoing[]): void {
    for (const { message, queue, deliverAt } of messages) this.put(queue, message, deliverAt?.getTime() ?? 0)
  }

  put(queue: string, message: Message, dueAt: number): void {
    this.#sequence += 1
    const entry = { message, priority: priorityOf(message), sequence: this.#sequence, deliveries: 0, dueAt }
    this.queue(queue).put(entry)
    this.wake()
  }

  /** Puts an entry back where it was. */
  giveBack(queue: MemoryQueue, entry: Entry): void {
    queue.lent -= 1
    queue.put(entry)
    this.wake()
  }

  /** Drops a queue that holds nothing and that nobody listens to. */
  tidy(queue: MemoryQueue): void {
    if (queue.waiting + queue.lent + queue.subscribers === 0) this.#queues.delete(queue.name)
  }

  attach(taker: Taker): void {
    this.#takers.push(taker)
    this.wake()
  }

  detach(taker: Taker): void {
    this.#takers = this.#takers.filter((other) => other !== taker)
    this.wake()
  }

  /** Delivers in the next turn of the event loop; what is published until then travels in one batch. */
  wake(): void {
    if (this.#isAwake || (this.#takers.length === 0 && !this.#timer)) return
    this.#isAwake = true
    setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    this.#isAwake = false
    this.#setTimer(this.#advance())
    const takers = this.#takers
    let wantsMore = false
    for (const taker of takers) wantsMore = taker.take() || wantsMore
    // Whoever was first is last in the next turn.
    if (takers.length > 1 && takers === this.#takers) this.#takers = [...takers.slice(1), takers[0] as Taker]
    if (wantsMore) this.wake()
  }

  #advance(): number {
    const now = Date.now()
    let next = Infinity
    for (const taker of this.#takers) {
      for (const queue of taker.queues) next = Math.min(next, queue.advance(now) ?? Infinity)
    }
    return next
  }

  /** There is a timer only while a subscriber waits for a deferred message: nothing else keeps the process alive. */
  #setTimer(due: number): void {
    if (due === this.#timerDue) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerDue = due
    if (due === Infinity) return
    const delayMs = Math.min(Math.max(1, due - Date.now()), longestTimerMs)
    this.#timer = setTimeout(() => {
      this.#timerDue = Infinity
      this.wake()
    }, delayMs)
  }
}
