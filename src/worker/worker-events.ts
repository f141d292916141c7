import os from 'node:os'
import type { EventDispatcher } from '../events/event-dispatcher.ts'
import { workerFields, type WorkerFigures } from '../protocol/event-message.ts'
import type { TaskEvents } from './task-events.ts'
import type { TaskObservers } from './task-observer.ts'
import { longestTimerMs } from '../util/long-timeout.ts'

/** What a heartbeat that remote control asks for says instead of how often there is one, in Celery. Seconds. */
const askedFreq = 5

export interface WorkerEventsOptions {
  readonly dispatcher: EventDispatcher
  readonly observers: TaskObservers
  readonly taskEvents: TaskEvents
  readonly version: string
  /** From one heartbeat to the next; undefined: none, and neither beginning nor end are told. */
  readonly heartbeatMs: number | undefined
  /** Tasks that run, and that ever began to. */
  readonly load: () => { readonly active: number; readonly processed: number }
}

/** What a worker tells the world about itself, and about its tasks while that is enabled. */
export class WorkerEvents implements AsyncDisposable {
  readonly #options: WorkerEventsOptions
  #forget: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(options: WorkerEventsOptions) {
    this.#options = options
  }

  /** Events of tasks are sent. Those of the worker itself are sent in any case. */
  get isEnabled(): boolean {
    return this.#forget !== undefined
  }

  enable(): void {
    this.#forget ??= this.#options.observers.add(this.#options.taskEvents)
  }

  disable(): void {
    this.#forget?.()
    this.#forget = undefined
  }

  /** The worker takes tasks: from now on it gives signs of life. */
  start(): void {
    const { heartbeatMs } = this.#options
    if (heartbeatMs === undefined || this.#isOver) return
    this.#tell('worker-online')
    this.#timer = setInterval(() => this.#tell('worker-heartbeat'), Math.min(heartbeatMs, longestTimerMs)).unref()
  }

  /** Tells at once that the worker lives, as remote control asks for. */
  heartbeat(): void {
    const { dispatcher, version } = this.#options
    dispatcher.send('worker-heartbeat', workerFields, { freq: askedFreq, version, system: os.type() })
  }

  /** Says goodbye, after all events of tasks. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.disable()
    this.#isOver = true
    const { dispatcher } = this.#options
    // What is told of tasks goes first.
    await dispatcher[Symbol.asyncDispose]()
    if (!this.#timer) return
    clearInterval(this.#timer)
    this.#tell('worker-offline')
    await dispatcher[Symbol.asyncDispose]()
  }

  #tell(type: 'worker-online' | 'worker-heartbeat' | 'worker-offline'): void {
    const { dispatcher, version, heartbeatMs = 0, load } = this.#options
    const loadavg = os.loadavg().map((value) => Math.round(value * 100) / 100)
    const figures: WorkerFigures = {
      freq: heartbeatMs / 1000,
      load: { ...load(), loadavg },
      version,
      system: os.type(),
    }
    dispatcher.send(type, workerFields, figures)
  }
}
