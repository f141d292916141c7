import type { Logger } from '../util/logger.ts'
import { Autoscaler } from './autoscaler.ts'
import { CommandError } from './command-error.ts'
import type { Consumer } from './consumer.ts'
import type { DeliveryWindow } from './delivery-window.ts'
import { mostSlotsOf, type ResolvedPoolOptions } from './pool-options.ts'
import type { WorkerPools } from './worker-pools.ts'

export interface PoolSizeOptions {
  readonly pool: ResolvedPoolOptions
  readonly pools: WorkerPools
  readonly window: DeliveryWindow
  readonly consumer: Consumer
  readonly log: Logger
}

/** How many bodies the pool of a worker runs at once: a number, or by how much there is to do. */
export class PoolSize implements Disposable {
  readonly #options: PoolSizeOptions
  readonly #autoscaler: Autoscaler | undefined

  constructor(options: PoolSizeOptions) {
    this.#options = options
    const { pool, pools, window, consumer, log } = options
    if (!pool.autoscale) return
    // One more than there are slots: that it waits tells that more are needed.
    window.resize(pools.size + 1)
    this.#autoscaler = new Autoscaler({
      ...pool.autoscale,
      demand: () => consumer.demand,
      resize: (size) => this.#resize(size, 1),
      log,
    })
  }

  get now(): number {
    return this.#options.pools.main.size
  }

  /** The bounds; undefined: it does not scale by itself. */
  get bounds(): { readonly max: number; readonly min: number } | undefined {
    return this.#autoscaler?.bounds
  }

  /** Throws CommandError for a pool that cannot have that size. */
  change(by: number): void {
    if (this.#options.pool.kind === 'solo')
      throw new CommandError('NotImplementedError', 'the pool solo runs one task at a time')
    const size = this.now + by
    if (size < 1) throw new CommandError('ValueError', `the pool has ${this.now} slots, one at least must stay`)
    this.#checkMost(size)
    this.#resize(size, 0)
  }

  /** What is undefined stays. Throws CommandError for a pool that does not scale, and for bounds that cannot be. */
  rescale(max: number | undefined, min: number | undefined): { readonly max: number; readonly min: number } {
    const bounds = this.bounds
    if (!this.#autoscaler || !bounds) throw new CommandError('ValueError', 'Autoscale not enabled')
    const wanted = { max: max ?? bounds.max, min: min ?? bounds.min }
    if (wanted.max < wanted.min)
      throw new CommandError('ValueError', `max (${wanted.max}) must not be below min (${wanted.min})`)
    this.#checkMost(wanted.max)
    this.#autoscaler.rescale(wanted)
    return wanted
  }

  [Symbol.dispose](): void {
    this.#autoscaler?.stop()
  }

  #checkMost(size: number): void {
    const { kind } = this.#options.pool
    const most = mostSlotsOf(kind)
    if (size > most) throw new CommandError('ValueError', `a pool of ${kind} has ${most} slots at most, not ${size}`)
  }

  #resize(size: number, ahead: number): void {
    const { pools, window, consumer } = this.#options
    void pools.main.resize(size)
    window.resize(pools.size + ahead)
    consumer.resized()
  }
}
