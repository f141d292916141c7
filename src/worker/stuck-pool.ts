import type { Pool } from '../pools/pool.ts'
import type { Logger } from '../util/logger.ts'
import type { Consumer } from './consumer.ts'
import type { DeliveryWindow } from './delivery-window.ts'

export interface StuckPoolOptions {
  readonly pool: Pool
  /** To which size the pool may grow by itself. */
  readonly mostSlots: () => number
  readonly consumer: Consumer
  readonly window: DeliveryWindow
  readonly log: Logger
  readonly workerName: string
  /** Why nothing can begin; undefined: it can again. */
  readonly onStuck: (reason: string | undefined) => void
}

/** A body that heeds its signal takes a moment to end. */
const patienceMs = 1000

/**
 * Counts the slots that abandoned bodies hold. While these are all, nothing can begin here: other workers get what waits,
 * and this one is not ready.
 */
export class StuckPool implements Disposable {
  readonly #options: StuckPoolOptions
  #lost = 0
  #isStuck = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: StuckPoolOptions) {
    this.#options = options
  }

  /** A slot may be free. Cheap while no body is abandoned. */
  slotFree(): void {
    if (this.#lost > 0) this.look()
  }

  /** A body was abandoned, or has ended at last. */
  look(): void {
    const { pool, mostSlots, consumer, window } = this.#options
    const { length: lost } = pool.abandoned
    if (lost !== this.#lost) {
      this.#lost = lost
      window.lose(this.#lost)
      consumer.prefetch.update()
    }
    const isFull = this.#lost >= Math.max(pool.size, mostSlots())
    if (!isFull) this.#change(false)
    else if (!this.#isStuck) this.#timer ??= setTimeout(() => this.#change(true), patienceMs).unref()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #change(isStuck: boolean): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { pool, consumer } = this.#options
    if (isStuck === this.#isStuck || consumer.isStopping) return
    this.#isStuck = isStuck
    this.#tell(isStuck ? [...new Set(pool.abandoned.map(({ headers }) => headers.task))].join(', ') : undefined)
    consumer.hold(isStuck)
  }

  #tell(tasks: string | undefined): void {
    const { log, workerName, onStuck } = this.#options
    const slots = this.#lost
    if (tasks === undefined) {
      onStuck(undefined)
      log.info({ workerName }, '{workerName}: a body that was abandoned has ended, tasks can begin again')
      return
    }
    onStuck(`all ${slots} slot(s) are held by bodies that were abandoned and do not end: ${tasks}`)
    log.error(
      { workerName, slots, tasks },
      '{workerName}: all {slots} slot(s) are held by bodies that were abandoned and do not end ({tasks}). What waits goes ' +
        'back to its queue until one ends, or the worker is started again. Let such tasks heed their signal, or isolate them',
    )
  }
}
