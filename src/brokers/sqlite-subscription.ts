import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { isBusy } from '../drivers/sqlite-errors.ts'
import { throwLater } from '../util/throw-later.ts'
import type { OnDeliveries, SubscribeOptions, Subscription } from './broker.ts'
import { Outage } from './outage.ts'
import type { SqliteTaker, Taken } from './sqlite-taker.ts'

/** One take holds the file's only write lock, and its deliveries the event loop: both no longer than some milliseconds. */
const largestTake = 1000
/** setTimeout knows no more than 24 days, and the wall clock may be set: look again after a minute. */
const longestSleepMs = 60_000
/** After a take that failed: the file is locked by someone for long, or the disk is full. */
const outagePauseMs = 1000

const busyPauseMs = 5
/** With empty queues only commits wake it: look all the same, so that a file that cannot be read is noticed. */
const checkMs = 5000

const done: Promise<void> = Promise.resolve()

/** Takes from its queues whenever slots are free and something is there, which `wake` finds out. */
export class SqliteSubscription implements Subscription {
  readonly #database: SqliteDatabase
  readonly #taker: SqliteTaker
  readonly #onDeliveries: OnDeliveries
  readonly #onDisposed: (subscription: SqliteSubscription) => Promise<void>
  readonly #outage: Outage
  #queues: readonly string[]
  #prefetch: number
  #lent = 0
  #isPaused = false
  #taking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #disposal: Promise<void> | undefined
  #claimedAtMs = Date.now()
  readonly #check: NodeJS.Timeout

  constructor(
    database: SqliteDatabase,
    taker: SqliteTaker,
    queues: readonly string[],
    onDeliveries: OnDeliveries,
    { prefetch, onOutage }: SubscribeOptions,
    onDisposed: (subscription: SqliteSubscription) => Promise<void>,
  ) {
    this.#database = database
    this.#taker = taker
    this.#queues = [...new Set(queues)]
    this.#onDeliveries = onDeliveries
    this.#prefetch = prefetch
    this.#onDisposed = onDisposed
    this.#outage = new Outage(onOutage)
    this.#check = setInterval(this.wake, checkMs).unref()
  }

  get claimedAtMs(): number {
    return this.#free() > 0 ? this.#claimedAtMs : Date.now()
  }

  /** To be called when slots may have become free, and after each commit. Cheap where there is nothing to do. */
  readonly wake = (): void => {
    if (this.#taking || this.#free() <= 0) return
    clearTimeout(this.#timer)
    const inMs = this.#nextInMs()
    if (inMs === undefined) return
    if (inMs > 0) this.#sleep(Math.min(inMs, longestSleepMs))
    else this.#taking = this.#take()
  }

  /** Called by loans: so many slots are free, or taken again if negative. */
  readonly release = (count: number): void => {
    this.#lent -= count
    if (count > 0) this.wake()
  }

  async add(queue: string): Promise<void> {
    if (!this.#queues.includes(queue)) this.#queues = [...this.#queues, queue]
    this.wake()
  }

  async cancel(queue: string): Promise<void> {
    this.#queues = this.#queues.filter((name) => name !== queue)
    await this.#taking
  }

  setPrefetch(count: number): Promise<void> {
    this.#prefetch = count
    this.wake()
    return done
  }

  async pause(): Promise<void> {
    this.#isPaused = true
    clearInterval(this.#check)
    clearTimeout(this.#timer)
    await this.#taking
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.pause().then(() => this.#onDisposed(this))
    return this.#disposal
  }

  #free(): number {
    return this.#isPaused ? 0 : Math.min(this.#prefetch - this.#lent, largestTake)
  }

  #nextInMs(): number | undefined {
    try {
      const dueMs = this.#taker.nextDue(this.#queues)
      // Something is there: the file has answered only once it was taken.
      if (dueMs === undefined || dueMs > Date.now()) this.#claimedAtMs = Date.now()
      return dueMs === undefined ? undefined : dueMs - Date.now()
    } catch (error) {
      // Readers wait for nobody, but for one who repairs the file after a crash.
      if (isBusy(error)) return busyPauseMs
      this.#outage.begin(error)
      return outagePauseMs
    }
  }

  #sleep(delayMs: number): void {
    this.#timer = setTimeout(this.wake, delayMs)
  }

  async #take(): Promise<void> {
    try {
      const taken = await this.#database.write(() => this.#taker.take(this.#queues, this.#free()))
      this.#taking = undefined
      this.#claimedAtMs = Date.now()
      this.#outage.end()
      this.#deliver(taken)
      this.wake()
    } catch (error) {
      this.#taking = undefined
      this.#outage.begin(error)
      if (!this.#isPaused) this.#sleep(outagePauseMs)
    }
  }

  #deliver(taken: Taken | undefined): void {
    if (!taken) return
    const deliveries = this.#taker.lend(taken, this.release)
    this.#lent += taken.count
    // While it is disposed of, what still came goes back unseen.
    if (deliveries.length === 0 || this.#disposal) return
    try {
      this.#onDeliveries(deliveries)
    } catch (error) {
      throwLater(error)
    }
  }
}
