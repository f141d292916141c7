import type { Logger } from '../util/logger.ts'

export interface AutoscalerOptions {
  readonly max: number
  readonly min: number
  /** Bodies that run, and messages that wait here for a slot. */
  readonly demand: () => number
  readonly resize: (size: number) => void
  readonly log: Logger
}

/** How often it looks. */
const lookMs = 1000
/** Slots that were not needed for so long are given up. */
const keepAliveMs = 30_000

/** Gives a pool as many slots as there is work for: at once up to twice as many, fewer only after 30 s of less. */
export class Autoscaler {
  #size: number
  #max: number
  #min: number
  /** The most that was wanted of late, and since when less is. */
  #peak = 0
  #lessSinceMs: number | undefined
  readonly #timer: NodeJS.Timeout
  readonly #options: AutoscalerOptions
  readonly #now: () => number

  constructor(options: AutoscalerOptions, now: () => number = () => performance.now()) {
    this.#options = options
    this.#now = now
    this.#size = options.min
    this.#max = options.max
    this.#min = options.min
    this.#timer = setInterval(() => this.look(), lookMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  get bounds(): { readonly max: number; readonly min: number } {
    return { max: this.#max, min: this.#min }
  }

  /** Other bounds, which count at once. */
  rescale({ max, min }: { readonly max: number; readonly min: number }): void {
    this.#max = max
    this.#min = min
    this.#resize(Math.min(max, Math.max(min, this.#size)))
  }

  look(): void {
    const [max, min] = [this.#max, this.#min]
    const wanted = this.#options.demand()
    if (wanted > this.#size) {
      this.#lessSinceMs = undefined
      this.#resize(Math.min(max, Math.max(wanted, this.#size * 2)))
    } else if (wanted === this.#size || this.#size === min) this.#lessSinceMs = undefined
    else this.#maybeShrink(Math.max(min, wanted))
  }

  #maybeShrink(wanted: number): void {
    this.#lessSinceMs ??= this.#begin()
    this.#peak = Math.max(this.#peak, wanted)
    if (this.#now() - this.#lessSinceMs < keepAliveMs) return
    this.#lessSinceMs = undefined
    this.#resize(this.#peak)
  }

  #begin(): number {
    this.#peak = 0
    return this.#now()
  }

  #resize(size: number): void {
    if (size === this.#size) return
    this.#options.log.info({ from: this.#size, to: size }, 'The pool is resized from {from} to {to}')
    this.#size = size
    this.#options.resize(size)
  }
}
