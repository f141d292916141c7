import { setImmediate as endOfTurn } from 'node:timers/promises'
import { type Redis, type RedisConnection, RedisConnectionLost } from '../drivers/open-redis.ts'
import { throwLater } from '../util/throw-later.ts'
import type { OnDeliveries, SubscribeOptions, Subscription } from './broker.ts'
import { Outage } from './outage.ts'
import type { RedisDeclarations } from './redis-declarations.ts'
import { RedisDemand } from './redis-demand.ts'
import type { RedisDelivery } from './redis-delivery.ts'
import type { RedisLedger } from './redis-ledger.ts'
import type { RedisNames } from './redis-names.ts'
import { RedisQueueBells } from './redis-queue-bells.ts'
import type { RedisTaker, Take } from './redis-taker.ts'

/** How long an empty queue is left alone. Its bells ring for what TypeScript sends, and for what has no priority. */
const pollMs = 200
/** After a take that failed. */
const outagePauseMs = 1000

const done: Promise<void> = Promise.resolve()

/** Takes from its queues whenever slots are free and something is there, which its bells tell. */
export class RedisSubscription implements Subscription {
  readonly #redis: Redis
  readonly #ledger: RedisLedger
  readonly #taker: RedisTaker
  readonly #declarations: RedisDeclarations
  readonly #bells: RedisQueueBells
  readonly #onDeliveries: OnDeliveries
  readonly #onPaused: () => void
  readonly #onDisposed: (subscription: RedisSubscription) => Promise<void>
  readonly #demand: RedisDemand
  readonly #outage: Outage
  /** Until what they took is delivered. */
  readonly #takes = new Set<Promise<void>>()
  /** Takes whose messages wait for the end of the turn; those of later ones go behind them. */
  #unread = 0
  #isPaused = false
  /** A bell rang while a take was on its way: it may have come too early. */
  #isRung = false
  #timer: NodeJS.Timeout | undefined
  #disposal: Promise<void> | undefined
  #claimedAtMs: number = Date.now()

  constructor(
    parts: {
      readonly redis: Redis
      readonly names: RedisNames
      readonly ledger: RedisLedger
      readonly taker: RedisTaker
      readonly declarations: RedisDeclarations
    },
    queues: readonly string[],
    onDeliveries: OnDeliveries,
    { prefetch, onOutage }: SubscribeOptions,
    onEnd: { readonly paused: () => void; readonly disposed: (subscription: RedisSubscription) => Promise<void> },
  ) {
    this.#redis = parts.redis
    this.#ledger = parts.ledger
    this.#taker = parts.taker
    this.#declarations = parts.declarations
    this.#onDeliveries = onDeliveries
    this.#demand = new RedisDemand(prefetch)
    this.#onPaused = onEnd.paused
    this.#onDisposed = onEnd.disposed
    this.#outage = new Outage(onOutage)
    this.#bells = new RedisQueueBells(parts.redis, parts.names, this.#ring, this.#takeBehind)
    void this.#setQueues([...new Set(queues)])
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  get claimedAtMs(): number {
    return this.#wanted() > 0 ? this.#claimedAtMs : Date.now()
  }

  /** To be called when slots may have become free, or messages may be there. */
  readonly wake = (): void => {
    if (!this.#outage.isOn && this.#wanted() > 0) this.#ledger.atEndOfTurn(this.#take)
  }

  readonly #ring = (): void => {
    if (this.#demand.isAsking) this.#isRung = true
    else if (!this.#outage.isOn) this.#take()
  }

  /** Called by deliveries: so many slots are free, or taken again if negative. */
  readonly release = (count: number): void => {
    this.#demand.occupy(-count)
    if (count > 0) this.wake()
  }

  async add(queue: string): Promise<void> {
    if (this.#taker.queues.includes(queue)) return
    void this.#setQueues([...this.#taker.queues, queue])
    this.wake()
  }

  async cancel(queue: string): Promise<void> {
    await Promise.all([this.#setQueues(this.#taker.queues.filter((name) => name !== queue)), this.#quiet()])
  }

  setPrefetch(count: number): Promise<void> {
    this.#demand.prefetch = count
    this.wake()
    return done
  }

  async pause(): Promise<void> {
    this.#isPaused = true
    this.#onPaused()
    clearTimeout(this.#timer)
    await Promise.all([this.#bells[Symbol.asyncDispose](), this.#quiet()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.pause().then(() => this.#onDisposed(this))
    return this.#disposal
  }

  /** Resolves when nothing waits any more at queues that are left. */
  #setQueues(queues: readonly string[]): Promise<void> {
    this.#taker.queues = queues
    for (const queue of queues) this.#declarations.declare(queue)
    return this.#bells.follow(queues)
  }

  async #quiet(): Promise<void> {
    await Promise.all(this.#takes)
  }

  #wanted(): number {
    return this.#isPaused || this.#taker.queues.length === 0 ? 0 : this.#demand.wanted
  }

  readonly #take = (): void => {
    const wanted = this.#wanted()
    if (wanted <= 0) return
    clearTimeout(this.#timer)
    this.#demand.asked(wanted)
    const take = this.#taker
      .take(wanted, this.#ledger.takeAcknowledged(), this.release)
      .finally(() => this.#demand.answered())
      .then(
        (taken) => this.#heed(wanted, taken),
        (error: unknown) => {
          this.#demand.occupy(-wanted)
          this.#fail(error)
        },
      )
      .finally(() => this.#takes.delete(take))
    this.#takes.add(take)
  }

  /** A take of one message that waits at the server for it. */
  readonly #takeBehind = (connection: RedisConnection, queue: string): Promise<void> | undefined => {
    if (this.#isPaused || this.#outage.isOn || !this.#demand.mayWaitForOne) return undefined
    const take = this.#taker.takeBehind(connection, queue, this.release)
    if (!take) return undefined
    this.#demand.occupy(1)
    return take.then(
      ({ count, open }) => {
        this.#demand.occupy(count - 1)
        this.#claimedAtMs = Date.now()
        this.#deliver(open())
      },
      () => {
        // The takes that follow meet the same server, and tell what is wrong with it.
        this.#demand.occupy(-1)
      },
    )
  }

  async #heed(wanted: number, { count, open, dueInMs }: Take): Promise<void> {
    this.#demand.found(count, wanted)
    this.#claimedAtMs = Date.now()
    this.#outage.end()
    // The server looks for the next while these are read and run: the client writes at the end of the turn.
    if (this.#demand.isFull) this.#take()
    if (this.#demand.isFull || this.#unread > 0) {
      this.#unread += 1
      await endOfTurn()
      this.#unread -= 1
    }
    this.#deliver(open())
    const mayHaveMore = this.#demand.isFull || this.#isRung
    this.#isRung = false
    if (mayHaveMore) this.wake()
    else this.#rest(dueInMs)
  }

  #deliver(deliveries: readonly RedisDelivery[]): void {
    // While it is disposed of, what still came goes back unseen.
    if (deliveries.length === 0 || this.#disposal) return
    try {
      this.#onDeliveries(deliveries)
    } catch (error) {
      throwLater(error)
    }
  }

  /** Nothing more is there for now. */
  #rest(dueInMs: number | undefined): void {
    if (this.#isPaused || this.#wanted() <= 0) return
    this.#bells.arm()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.wake, Math.min(pollMs, dueInMs ?? pollMs))
  }

  #fail(error: unknown): void {
    if (this.#isPaused) return
    this.#outage.begin(error)
    if (!(error instanceof RedisConnectionLost)) return this.#retryAfter(outagePauseMs)
    this.#redis.commands.ready().then(
      () => this.#retryAfter(0),
      () => undefined,
    )
  }

  #retryAfter(delayMs: number): void {
    clearTimeout(this.#timer)
    if (!this.#isPaused) this.#timer = setTimeout(() => this.#ledger.atEndOfTurn(this.#take), delayMs)
  }
}
