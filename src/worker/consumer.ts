import type { Delivery, Subscription } from '../brokers/broker.ts'
import { Decisions, type DecisionOptions } from './decisions.ts'
import type { DeliveryWindow } from './delivery-window.ts'
import { Prefetch } from './prefetch.ts'
import type { Request } from './request.ts'
import type { Revocations } from './revocations.ts'
import { RunningTasks } from './running-tasks.ts'
import type { WorkerPools } from './worker-pools.ts'

export interface ConsumerOptions extends DecisionOptions {
  readonly pools: WorkerPools
  readonly window: DeliveryWindow
  readonly onOutage: (reason: Error | undefined) => void
}

/** Takes deliveries, and brings those that are to run into slots, in their order. */
export class Consumer {
  readonly running: RunningTasks
  readonly prefetch: Prefetch
  readonly revocations: Revocations
  /** Those that it takes from, or will once it starts. */
  readonly queues: Set<string> = new Set()
  readonly #decisions: Decisions
  #waiting: Request[] = []
  readonly #options: ConsumerOptions
  #subscription: Subscription | undefined
  /** On its last delivery: nothing else is held here that has not begun, so that it can harm only itself. */
  #alone: Request | undefined
  #isStopping = false
  #isWoken = false
  #givenBack = 0

  constructor(options: ConsumerOptions) {
    this.#options = options
    this.revocations = options.revocations
    this.#decisions = new Decisions(options)
    const { settler, revocations, taskLog, observers, window } = options
    this.prefetch = new Prefetch(window, settler.report)
    const onOver = (request: Request, runtimeMs: number | undefined): void => this.#onOver(request, runtimeMs)
    this.running = new RunningTasks({ settler, revocations, taskLog, observers, onOver })
  }

  /** Takes the queues' messages from now on. */
  async start(queues: readonly string[]): Promise<void> {
    const broker = await this.#options.app.openBroker()
    this.running.watchLoans()
    const { window, onOutage } = this.#options
    const options = { prefetch: window.size, onOutage }
    for (const queue of queues) this.queues.add(queue)
    const subscription = await broker.subscribe([...this.queues], (deliveries) => this.#receive(deliveries), options)
    this.prefetch.govern(subscription)
    this.#subscription = subscription
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

  get isStopping(): boolean {
    return this.#isStopping
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.#waiting.length === 0 && !this.#alone
  }

  /** Warm: nothing new is taken, what waits here goes back, what runs goes on. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.running.beginShutdown()
    await this.#subscription?.pause()
    await this.#giveBackWaiting()
    await this.running.idle()
  }

  /** Of the shutdown. */
  get tally(): { readonly finished: number; readonly givenBack: number; readonly cutOff: number } {
    const { finished, cutOff } = this.running.tally
    return { finished, givenBack: this.#givenBack, cutOff }
  }

  /** Gives back what is still lent. */
  async close(): Promise<void> {
    this.running.unwatchLoans()
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
    const { running } = this
    const { pools } = this.#options
    const full: Request[] = []
    let next = 0
    while (next < this.#waiting.length && !this.#isStopping) {
      const request = this.#waiting[next] as Request
      const pool = pools.of(request.taskName, request.options)
      const hasRoom = running.hasRoom(pool, request)
      if (!hasRoom && !pools.areSeveral) break
      next++
      if (!hasRoom) full.push(request)
      else if (!this.#decisions.isDiscarded(request)) running.run(request, pool)
      else if (request === this.#alone) this.#endAlone()
    }
    if (next > 0) this.#waiting.splice(0, next, ...full)
    this.prefetch.holdBack(full.length)
  }

  /** Running, or waiting here for a slot. */
  get demand(): number {
    return this.running.size + this.#waiting.length
  }

  /** There are more or fewer slots. */
  resized(): void {
    this.prefetch.update()
    this.wake()
  }

  /** Whether to take nothing and leave what waits here to others, because no slot will be free. */
  hold(isHeld: boolean): void {
    this.prefetch.hold(isHeld)
    if (!isHeld) return
    if (this.#alone && this.#waiting.includes(this.#alone)) this.#endAlone()
    void this.#giveBackWaiting()
  }

  #receive(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      try {
        const mayRun = !this.#isStopping && !this.prefetch.isHeld
        const request = mayRun ? this.#decisions.decide(delivery) : this.#giveBack(delivery)
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
    this.prefetch.single(true)
    this.#waiting = this.#waiting.filter((request) => request !== last)
    void this.#giveBackWaiting().then(() => {
      this.#waiting.push(last)
      this.pump()
    })
  }

  /** It came while the worker stops, or can begin nothing. */
  #giveBack(delivery: Delivery): undefined {
    if (this.#isStopping) this.#givenBack += 1
    void this.#options.settler.defer(delivery, new Date(0))
  }

  #giveBackWaiting(): Promise<unknown> {
    const waiting = this.#waiting.splice(0)
    if (this.#isStopping) this.#givenBack += waiting.length
    return Promise.all(waiting.map((request) => this.#options.settler.giveBack(request)))
  }

  #onOver(request: Request, runtimeMs: number | undefined): void {
    const isResized = runtimeMs !== undefined && this.#options.window.observe(runtimeMs)
    if (request === this.#alone) this.#endAlone()
    else if (isResized) this.prefetch.update()
    this.wake()
  }

  #endAlone(): void {
    this.#alone = undefined
    this.prefetch.single(false)
  }
}
