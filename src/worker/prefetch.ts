import type { Subscription } from '../brokers/broker.ts'
import type { DeliveryWindow } from './delivery-window.ts'

/** How many more messages are taken while some wait for a pool that is full, so that the others do not wait behind them. */
const mostHeldBack = 32

/** How many messages a worker may hold, as its broker is told. */
export class Prefetch {
  readonly #window: DeliveryWindow
  readonly #report: (error: unknown) => void
  #subscription: Subscription | undefined
  /** Of those that wait: their pool is full, that of others is not. */
  #heldBack = 0
  #isSingle = false
  #isHeld = false

  constructor(window: DeliveryWindow, report: (error: unknown) => void) {
    this.#window = window
    this.#report = report
  }

  get count(): number {
    if (this.#isHeld) return 0
    return this.#isSingle ? 1 : this.#window.size + this.#heldBack
  }

  /** Whose prefetch it is from now on. */
  govern(subscription: Subscription): void {
    this.#subscription = subscription
    if (this.#isSingle || this.#isHeld) this.update()
  }

  /** So many wait for a pool that is full. */
  holdBack(waiting: number): void {
    const heldBack = Math.min(mostHeldBack, Math.ceil(waiting / 8) * 8)
    if (heldBack === this.#heldBack) return
    this.#heldBack = heldBack
    this.update()
  }

  /** The window may have changed. */
  update(): void {
    this.#subscription?.setPrefetch(this.count).catch(this.#report)
  }

  /** One message only, or as many as there may be. */
  single(isSingle: boolean): void {
    this.#isSingle = isSingle
    this.update()
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** None, or as many as there may be. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    this.update()
  }
}
