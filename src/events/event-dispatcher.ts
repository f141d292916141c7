import type { Broker } from '../brokers/broker.ts'
import { eventMessage, eventPrefix, eventRoutingKey, eventText, manyTaskEvents } from '../protocol/event-message.ts'
import type { LamportClock } from '../util/lamport-clock.ts'

/** What a message holds at most, in characters: a little more than 500 events. */
const mostInMessage = 128 * 1024
/** Messages on their way. While there are so many, events are collected for the next. */
const mostOnTheWay = 4
/** What is collected at most while the broker does not take them, in characters. More is dropped: events are for those who watch now. */
const mostCollected = 4 * 1024 * 1024
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
  #prefix: string
  #prefixAtMs = 0
  #collected = ''
  #collectedCount = 0
  /** The type of the only event that is collected. */
  #only: string | undefined
  #isScheduled = false
  #onTheWay = 0
  readonly #sending = new Set<Promise<void>>()

  constructor(options: EventDispatcherOptions) {
    this.#options = options
    this.#prefix = eventPrefix(options.hostname, process.pid)
  }

  /** Sends one event at once, in a message of its own. `fields`: as `protocol/event-message.ts` writes them. */
  send(type: string, fields: string): void {
    if (this.#onTheWay >= mostOnTheWay * 4) return this.#failed(undefined, 1)
    this.#broadcast(this.#text(type, fields), eventRoutingKey(type), 1)
  }

  /** Sends an event of a task with all those of this turn of the event loop. */
  collect(type: string, fields: string): void {
    const text = this.#text(type, fields)
    if (this.#collected.length > mostCollected) return this.#failed(undefined, 1)
    this.#only = this.#collectedCount === 0 ? type : undefined
    this.#collected = this.#collectedCount === 0 ? text : `${this.#collected},${text}`
    this.#collectedCount++
    if (this.#collected.length > mostInMessage) this.flush()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(this.#onTurn)
    }
  }

  /** Sends what is collected. */
  flush(): void {
    if (this.#collectedCount === 0 || this.#onTheWay >= mostOnTheWay) return
    const [text, count, only] = [this.#collected, this.#collectedCount, this.#only]
    this.#collected = ''
    this.#collectedCount = 0
    // Celery's clients send this event alone, its workers send lists.
    if (only === 'task-sent') this.#broadcast(text, eventRoutingKey(only), count)
    else this.#broadcast(`[${text}]`, manyTaskEvents, count)
  }

  /** Sends what is collected and waits until it is gone, for two seconds at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isLate = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => isLate.resolve(true), closeTimeoutMs)
    this.flush()
    while (this.#sending.size > 0) {
      const late = await Promise.race([Promise.all(this.#sending).then(() => false), isLate.promise])
      if (late) break
      this.flush()
    }
    clearTimeout(timer)
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    this.flush()
  }

  #text(type: string, fields: string): string {
    const nowMs = Date.now()
    // Summer time comes and goes.
    if (nowMs - this.#prefixAtMs > 60_000) {
      this.#prefix = eventPrefix(this.#options.hostname, process.pid)
      this.#prefixAtMs = nowMs
    }
    return eventText(this.#prefix, this.#options.clock.forward(), fields, nowMs, type)
  }

  #broadcast(body: string, routingKey: string, count: number): void {
    this.#onTheWay++
    const sending = this.#send(body, routingKey)
      .catch((error: unknown) => this.#failed(error, count))
      .finally(() => {
        this.#onTheWay--
        this.#sending.delete(sending)
        this.flush()
      })
    this.#sending.add(sending)
  }

  async #send(body: string, routingKey: string): Promise<void> {
    const { broker, hostname } = this.#options
    await (await broker()).broadcast(eventMessage(hostname, body), 'events', { routingKey })
  }

  #failed(error: unknown, dropped: number): void {
    this.#options.onError?.(error, dropped)
  }
}
