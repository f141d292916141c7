import type { Delivery, Subscription } from '../brokers/broker.ts'
import type { Outcome, Pool } from '../pools/pool.ts'
import { Bag } from '../util/bag.ts'
import { Decisions, type DecisionOptions } from './decisions.ts'
import type { DeliveryWindow } from './delivery-window.ts'
import type { Request } from './request.ts'
import type { Revocations } from './revocations.ts'
import type { WorkerPools } from './worker-pools.ts'

/** How long a body may go on whose loan was lost: nothing it does is accepted anyway. */
const lossCheckMs = 1000

export interface ConsumerOptions extends DecisionOptions {
  readonly pools: WorkerPools
  readonly window: DeliveryWindow
  readonly onOutage: (reason: Error | undefined) => void
}

/** How many more messages are taken while some wait for a pool that is full, so that the others do not wait behind them. */
const mostHeldBack = 32

/** Takes deliveries, and brings those that are to run into slots, in their order. */
export class Consumer {
  readonly running: Bag<Request> = new Bag()
  /** Of the shutdown. */
  readonly tally = { finished: 0, givenBack: 0, cutOff: 0 }
  readonly revocations: Revocations
  /** Those that it takes from, or will once it starts. */
  readonly queues: Set<string> = new Set()
  /** Attempts that ever began here, by the name of their task. */
  readonly totals: Map<string, number> = new Map()
  readonly #decisions: Decisions
  #waiting: Request[] = []
  /** Of those that wait: their pool is full, that of others is not. */
  #heldBack = 0
  /** Bodies that begin once their message is acknowledged. */
  readonly #reserved = new Map<Pool, number>()
  readonly #options: ConsumerOptions
  #subscription: Subscription | undefined
  /** On its last delivery: nothing else is held here that has not begun, so that it can harm only itself. */
  #alone: Request | undefined
  #isStopping = false
  #isWoken = false
  #lossTimer: NodeJS.Timeout | undefined
  /** A stop that turns cold waits twice. */
  readonly #onIdle: (() => void)[] = []

  constructor(options: ConsumerOptions) {
    this.#options = options
    this.revocations = options.revocations
    this.#decisions = new Decisions(options)
  }

  /** Takes the queues' messages from now on. */
  async start(queues: readonly string[]): Promise<void> {
    const broker = await this.#options.app.openBroker()
    this.#lossTimer = setInterval(() => this.#endLost(), lossCheckMs).unref()
    const { window, onOutage } = this.#options
    const options = { prefetch: window.size, onOutage }
    for (const queue of queues) this.queues.add(queue)
    this.#subscription = await broker.subscribe([...this.queues], (deliveries) => this.#receive(deliveries), options)
  }

  /** Takes from one more queue. */
  async addQueue(queue: string): Promise<void> {
    await this.#subscription?.add(queue)
    this.queues.add(queue)
  }

  /** Takes no more from a queue; what was taken is done. */
  async cancelQueue(queue: string): Promise<void> {
    await this.#subscription?.cancel(queue)
    this.queues.delete(queue)
  }

  /** Attempts that ever began here. */
  get startedCount(): number {
    return [...this.totals.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Taken, and not begun. */
  get waiting(): readonly Request[] {
    return this.#waiting
  }

  /** It runs here, or waits for a slot. */
  holds(taskId: string): boolean {
    return [...this.running.items(), ...this.#waiting].some(({ id }) => id === taskId)
  }

  /** When the broker last answered the question for messages. */
  get claimedAtMs(): number | undefined {
    return this.#subscription?.claimedAtMs
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.#waiting.length === 0 && !this.#alone
  }

  /** Warm: nothing new is taken, what waits here goes back, what runs goes on. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#subscription?.pause()
    await this.#giveBackWaiting()
    if (this.running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** Cold: what still runs is told to stop, abandoned where it does not, and given back. */
  async abort(): Promise<void> {
    for (const request of this.running.items()) request.execution?.terminate('shutdown')
    if (this.running.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** Gives back what is still lent. */
  async close(): Promise<void> {
    clearInterval(this.#lossTimer)
    await this.#options.settler.settled()
    await this.#subscription?.[Symbol.asyncDispose]()
  }

  /** Slots became free: they are filled together, after what the bodies that left them do now. */
  readonly wake = (): void => {
    if (this.#isWoken || this.#waiting.length === 0) return
    this.#isWoken = true
    queueMicrotask(() => {
      this.#isWoken = false
      this.pump()
    })
  }

  /** Starts what waits, as far as slots are free. */
  pump(): void {
    const { pools } = this.#options
    const full: Request[] = []
    let next = 0
    while (next < this.#waiting.length && !this.#isStopping) {
      const request = this.#waiting[next] as Request
      const pool = pools.of(request.taskName, request.options)
      const hasRoom = this.#hasRoom(pool, request)
      if (!hasRoom && !pools.areSeveral) break
      next++
      if (!hasRoom) full.push(request)
      else if (!this.#decisions.isDiscarded(request)) this.#run(request, pool)
      else if (request === this.#alone) this.#endAlone()
    }
    if (next > 0) this.#waiting.splice(0, next, ...full)
    this.#holdBack(full.length)
  }

  #hasRoom(pool: Pool, request: Request): boolean {
    const reserved = this.#reserved.get(pool) ?? 0
    return pool.hasRoom(request.job) && (reserved === 0 || pool.busy + reserved < pool.size)
  }

  #holdBack(count: number): void {
    const heldBack = Math.min(mostHeldBack, Math.ceil(count / 8) * 8)
    if (heldBack === this.#heldBack) return
    this.#heldBack = heldBack
    if (!this.#alone) this.#setPrefetch(this.prefetch)
  }

  /** How many messages it may hold. */
  get prefetch(): number {
    return this.#options.window.size + this.#heldBack
  }

  /** Running, or waiting here for a slot. */
  get demand(): number {
    return this.running.size + this.#waiting.length
  }

  /** There are more or fewer slots. */
  resized(): void {
    if (!this.#alone) this.#setPrefetch(this.prefetch)
    this.wake()
  }

  /** A revoke arrived for a task that may run here. */
  revoke(taskId: string, terminate: boolean): void {
    for (const request of this.running.items()) {
      if (request.id !== taskId) continue
      if (terminate) request.execution?.terminate('revoked')
      else request.execution?.cancel('revoked')
    }
  }

  #receive(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      try {
        const request = this.#isStopping ? this.#giveBack(delivery) : this.#decisions.decide(delivery)
        if (request) this.#waiting.push(request)
      } catch (error) {
        // A message must not stop a worker, whatever is wrong with it.
        this.#decisions.unreadable(delivery, error)
      }
    }
    if (this.#alone) void this.#giveBackWaiting()
    else this.#findLastChance()
    this.pump()
  }

  /** Its workers died under it, or with it, as often as they may: the next time it is dead. */
  #isLastChance({ delivery }: Request): boolean {
    return delivery.deliveryCount > 1 && delivery.deliveryCount >= this.#options.maxDeliveries
  }

  /**
   * A message on its last delivery runs only once all else that waits here went back, uncounted: if it kills the
   * process, they must not look guilty.
   */
  #findLastChance(): void {
    const last = this.#waiting.find((request) => this.#isLastChance(request))
    if (!last) return
    this.#alone = last
    this.#setPrefetch(1)
    this.#waiting = this.#waiting.filter((request) => request !== last)
    void this.#giveBackWaiting().then(() => {
      this.#waiting.push(last)
      this.pump()
    })
  }

  /** It came while the worker stops. */
  #giveBack(delivery: Delivery): undefined {
    this.tally.givenBack += 1
    void this.#options.settler.defer(delivery, new Date(0))
  }

  #giveBackWaiting(): Promise<unknown> {
    const waiting = this.#waiting.splice(0)
    if (this.#isStopping) this.tally.givenBack += waiting.length
    return Promise.all(waiting.map((request) => this.#options.settler.giveBack(request)))
  }

  #run(request: Request, pool: Pool): void {
    this.running.add(request)
    if (request.options.acksLate) {
      this.#start(request, pool)
      return
    }
    this.#reserve(pool, 1)
    this.#options.settler.acknowledgeEarly(request).then(
      (mayBegin) => {
        this.#reserve(pool, -1)
        if (mayBegin) this.#start(request, pool)
        else this.#finished(request)
      },
      () => {
        this.#reserve(pool, -1)
        void this.#options.settler.giveBack(request)
        this.#finished(request)
      },
    )
  }

  #reserve(pool: Pool, count: number): void {
    this.#reserved.set(pool, (this.#reserved.get(pool) ?? 0) + count)
  }

  #start(request: Request, pool: Pool): void {
    const { settler, taskLog, observers } = this.#options
    this.totals.set(request.taskName, (this.totals.get(request.taskName) ?? 0) + 1)
    request.startedAtMs = Date.now()
    const onStarted = observers.active && (() => this.#tellStarted(request))
    const execution = pool.run(request.job, request.delivery, onStarted)
    request.execution = execution
    // A revoke may have come between the decision and the start.
    if (this.revocations.covers(request.headers)) execution.cancel('revoked')
    void execution.outcome.then((outcome) => {
      taskLog.ended(request, outcome)
      observers.active?.ended(request, outcome)
      settler.settle(request, outcome)
      if (this.#isStopping) this.tally[isCutOff(outcome) ? 'cutOff' : 'finished'] += 1
      this.#finished(request, outcome.runtimeMs)
    })
  }

  #tellStarted(request: Request): void {
    request.startedAtMs = Date.now()
    this.#options.observers.active?.started(request)
  }

  #finished(request: Request, runtimeMs?: number): void {
    this.running.delete(request)
    const isResized = runtimeMs !== undefined && this.#options.window.observe(runtimeMs)
    if (request === this.#alone) this.#endAlone()
    else if (isResized && !this.#alone) this.#setPrefetch(this.prefetch)
    if (this.running.size === 0) for (const tell of this.#onIdle.splice(0)) tell()
    this.wake()
  }

  /** A body whose message was given to somebody else is told to stop. */
  #endLost(): void {
    for (const request of this.running.items()) if (request.delivery.isLost) request.execution?.terminate('loanLost')
  }

  #endAlone(): void {
    this.#alone = undefined
    this.#setPrefetch(this.prefetch)
  }

  #setPrefetch(count: number): void {
    this.#subscription?.setPrefetch(count).catch(this.#options.settler.report)
  }
}

function isCutOff(outcome: Outcome): boolean {
  return outcome.kind === 'cancelled' && outcome.reason === 'shutdown'
}
