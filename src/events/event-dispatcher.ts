import type { Broker } from '../brokers/broker.ts'
import { eventMessage, eventRoutingKey, manyTaskEvents, type WriteFields } from '../protocol/event-message.ts'
import type { LamportClock } from '../util/lamport-clock.ts'
import { EventWriter, type EventToWrite } from './event-writer.ts'

/** What is collected at most while the broker does not take them. More is dropped: events are for those who watch now. */
const mostCollected = 20_000
/** Events that are sent at once and not yet gone. */
const mostOnTheWay = 16
/** Who listened is taken to listen for so long. Nobody is never assumed. */
const heardMs = 1000
/** How long the end waits for what is on its way. */
const closeTimeoutMs = 2000

export interface EventDispatcherOptions {
  readonly broker: () => Broker | Promise<Broker>
  /** Whose events they are: a node name. */
  readonly hostname: string
  readonly clock: LamportClock
  /** Told why events could not be sent, and how many were dropped since the last time; by default nobody is. */
  readonly onError?: (error: unknown, dropped: number) => void
}

/** Sends events to whoever listens. Nothing waits for them, and what cannot be sent is dropped. */
export class EventDispatcher implements AsyncDisposable {
  readonly #options: EventDispatcherOptions
  readonly #writer: EventWriter
  #collected: EventToWrite[] = []
  #isScheduled = false
  /** Of what was collected there is one batch at a time, so that events keep their order. */
  #batch: Promise<void> | undefined
  #heardAtMs = 0
  readonly #sending = new Set<Promise<void>>()

  constructor(options: EventDispatcherOptions) {
    this.#options = options
    this.#writer = new EventWriter(options.hostname)
  }

  /** Sends one event at once, in a message of its own. */
  send<A>(type: string, write: WriteFields<A, undefined>, subject: A): void {
    if (this.#sending.size >= mostOnTheWay) return this.#failed(undefined, 1)
    const clock = this.#options.clock.forward()
    const text = this.#writer.object({ type, clock, timestampMs: Date.now(), write, subject, more: undefined })
    const sending = this.#broadcast(text, eventRoutingKey(type))
      .catch((error: unknown) => this.#failed(error, 1))
      .finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
  }

  /**
   * Sends an event of a task with those of this turn of the event loop. Not later: what is kept longer than the youngest
   * objects costs more than the messages that it saves.
   */
  collect<A, B>(type: string, write: WriteFields<A, B>, subject: A, more: B, timestampMs: number = Date.now()): void {
    if (this.#collected.length >= mostCollected) return this.#failed(undefined, 1)
    const clock = this.#options.clock.forward()
    this.#collected.push({ type, clock, timestampMs, write, subject, more })
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  /** Sends what is collected and waits until it is gone, for two seconds at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    const late = Promise.withResolvers<true>()
    const timer = setTimeout(() => late.resolve(true), closeTimeoutMs)
    this.#flush()
    let isLate = false
    while ((this.#batch || this.#sending.size > 0) && !isLate) {
      const gone = Promise.all([this.#batch, ...this.#sending]).then(() => false)
      isLate = await Promise.race([gone, late.promise])
    }
    clearTimeout(timer)
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    this.#flush()
  }

  #flush(): void {
    if (this.#batch || this.#collected.length === 0) return
    const events = this.#collected
    this.#collected = []
    this.#batch = this.#sendBatch(events)
      .catch((error: unknown) => this.#failed(error, events.length))
      .finally(() => {
        this.#batch = undefined
        this.#flush()
      })
  }

  async #sendBatch(events: readonly EventToWrite[]): Promise<void> {
    if (!(await this.#isHeard())) return
    const [only] = events
    // Celery's clients send this event alone, its workers send lists.
    if (only?.type === 'task-sent' && events.length === 1)
      return this.#broadcast(this.#writer.object(only), eventRoutingKey(only.type))
    const sending: Promise<void>[] = []
    for (const list of this.#writer.lists(events)) sending.push(this.#broadcast(list, manyTaskEvents))
    await Promise.all(sending)
  }

  /** Events that nobody hears need not be written. */
  async #isHeard(): Promise<boolean> {
    if (Date.now() - this.#heardAtMs < heardMs) return true
    const broker = await this.#options.broker()
    if (!(await (broker.isHeard?.('events') ?? true))) return false
    this.#heardAtMs = Date.now()
    return true
  }

  async #broadcast(body: string, routingKey: string): Promise<void> {
    const { broker, hostname } = this.#options
    await (await broker()).broadcast(eventMessage(hostname, body), 'events', { routingKey })
  }

  #failed(error: unknown, dropped: number): void {
    this.#options.onError?.(error, dropped)
  }
}
