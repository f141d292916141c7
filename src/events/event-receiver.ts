import type { Broker } from '../brokers/broker.ts'
import { encodeControlRequest } from '../protocol/control-message.ts'
import type { ClusterEvent, EventType } from '../protocol/cluster-event.ts'
import { decodeEvent, readEvents, type WireEvent } from '../protocol/read-events.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import { LamportClock } from '../util/lamport-clock.ts'
import { EventReader } from './event-reader.ts'

type EventOfType<T extends EventType> = Extract<ClusterEvent, { readonly type: T }>

/** What to call for each event, by its type; `*` is called for all. */
export type EventHandlers = {
  readonly [T in EventType]?: (event: EventOfType<T>) => void
} & { readonly '*'?: (event: ClusterEvent) => void }

export interface ReceiverOptions {
  /** Only events of these types. Default: all. */
  readonly types?: readonly EventType[]
  /** Called as events come in, before an iteration sees them. What one throws ends `capture` or the iteration. */
  readonly handlers?: EventHandlers
  /** How many events an iteration that is slower than the cluster may fall behind; the oldest are dropped. Default 10,000. */
  readonly maxPending?: number
}

export interface CaptureOptions {
  /** Ends after so many events. Default: never. */
  readonly limit?: number
  /** Ends when no event came for so long. Default: never. */
  readonly timeout?: Duration
  /** Asks all workers for a heartbeat at once, so that they are known. Default true. */
  readonly wakeup?: boolean
  /** Ends it. */
  readonly signal?: AbortSignal
}

/**
 * Hears the events of a cluster, of celeriac's and Celery's workers alike, from any number of iterations and captures.
 * It listens from the first of them until it is disposed of.
 *
 * Timestamps are taken as they are: they are absolute. Celery's receiver shifts them by the difference of the time zones.
 */
export class EventReceiver implements AsyncDisposable {
  readonly #broker: () => Broker | Promise<Broker>
  readonly #types: ReadonlySet<string> | undefined
  readonly #handlers: EventHandlers
  readonly #maxPending: number
  readonly #clock: LamportClock
  readonly #readers = new Set<EventReader>()
  #listening: Promise<AsyncDisposable> | undefined
  #dropped = 0

  constructor(
    broker: () => Broker | Promise<Broker>,
    { types, handlers = {}, maxPending = 10_000 }: ReceiverOptions = {},
    clock: LamportClock = new LamportClock(),
  ) {
    this.#broker = broker
    this.#types = types && new Set(types)
    this.#handlers = handlers
    this.#maxPending = maxPending
    this.#clock = clock
  }

  /** Events that an iteration did not see because it was too slow. */
  get dropped(): number {
    return this.#dropped
  }

  /** Hears events from now on. Called by itself; whoever must miss nothing that follows waits for it. */
  async listen(): Promise<void> {
    this.#listening ??= this.#listen()
    try {
      await this.#listening
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  /** Asks all workers for a heartbeat. */
  async wakeup(): Promise<void> {
    const request = encodeControlRequest({ method: 'heartbeat', arguments: {}, destination: undefined })
    await (await this.#broker()).broadcast(request, 'control')
  }

  /** Gives events to the handlers until the limit, the timeout or the signal; returns how many there were. */
  async capture({ limit = Infinity, timeout, wakeup = true, signal }: CaptureOptions = {}): Promise<number> {
    const timeoutMs = timeout === undefined ? undefined : durationMs(timeout, 'timeout')
    const reader = this.#read(0)
    const onAbort = (): void => reader.end()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await this.listen()
      if (wakeup) await this.wakeup()
      if (!signal?.aborted) await reader.heard(limit, timeoutMs)
      return Math.min(limit, reader.count)
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#forget(reader)
    }
  }

  /** Every event from now on. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ClusterEvent, void, undefined> {
    const reader = this.#read(this.#maxPending)
    try {
      await this.listen()
      for (;;) {
        const event = await reader.next()
        if (!event) return
        yield event
      }
    } finally {
      this.#forget(reader)
    }
  }

  /** Ends every iteration and capture. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) reader.end()
    const listening = this.#listening
    this.#listening = undefined
    await (await listening?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }

  async #listen(): Promise<AsyncDisposable> {
    const broker = await this.#broker()
    return broker.listen('events', (message) => {
      const nowMs = Date.now()
      for (const event of readEvents(message)) this.#accept(event, nowMs)
    })
  }

  #accept(wire: WireEvent, nowMs: number): void {
    const event = decodeEvent(wire, this.#clockOf(wire), nowMs)
    if (this.#types && !this.#types.has(event.type)) return
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the handler of this very type
      ;(this.#handlers[event.type] as ((event: ClusterEvent) => void) | undefined)?.(event)
      this.#handlers['*']?.(event)
    } catch (error) {
      for (const reader of this.#readers) reader.fail(error)
      return
    }
    for (const reader of this.#readers) this.#dropped += reader.tell(event)
  }

  /** Clients do not follow the clock of the cluster: what they sent counts as just before now. */
  #clockOf({ type, clock }: WireEvent): number {
    if (type === 'task-sent') {
      const before = (this.#clock.value || 1) - 1
      this.#clock.adjust(before)
      return before
    }
    if (typeof clock !== 'number') return this.#clock.forward()
    this.#clock.adjust(clock)
    return clock
  }

  #read(maxPending: number): EventReader {
    const reader = new EventReader(maxPending)
    this.#readers.add(reader)
    return reader
  }

  #forget(reader: EventReader): void {
    this.#readers.delete(reader)
  }
}
