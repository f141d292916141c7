import type { Gauge, Registry } from 'prom-client'
import type { Celeriac } from '../app/app.ts'
import type { Broker } from '../brokers/broker.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { deadLetterQueue, taskIdOf, type Message } from '../protocol/message.ts'
import type { PromClient } from './metrics.ts'
import { wantedAtMs } from './task-metrics.ts'

/** What was asked is not asked again so soon, however many scrape. */
const keptMs = 1000
/** Looking takes no more than this part of the time, however long the queues are. */
const restFactor = 20
/** Nobody has so many queues: what took so long waited for a store that was away. */
const mostRestMs = 30_000
/** A scrape does not wait longer for a store. */
const patienceMs = 2000

export interface Stores {
  readonly app: Celeriac
  readonly queues: readonly string[]
  readonly outbox: Outbox
}

/** How much waits, in the broker and in the outboxes of the app's databases. */
export class StoreMetrics {
  readonly #waiting: Gauge<'queue'>
  readonly #oldest: Gauge<'queue'>
  readonly #dead: Gauge<'queue'>
  readonly #outboxWaiting: Gauge<'orm'>
  readonly #outboxOldest: Gauge<'orm'>
  /** The message that was next, and since when: a lower bound of its age where it does not tell. */
  readonly #next = new Map<string, { readonly id: string; readonly sinceMs: number }>()
  #looking: Promise<void> | undefined
  #restUntilMs = 0

  constructor({ Gauge }: PromClient, registry: Registry) {
    const registers = [registry]
    const ofQueue = { labelNames: ['queue'], registers } as const
    const ofOrm = { labelNames: ['orm'], registers } as const
    this.#waiting = new Gauge({
      name: 'celeriac_queue_messages',
      help: 'Messages that wait in a queue, ready or deferred; those that a worker holds do not count',
      ...ofQueue,
    })
    this.#oldest = new Gauge({
      name: 'celeriac_queue_oldest_message_age_seconds',
      help: 'For how long the message that is next in a queue has waited; 0: none is ready',
      ...ofQueue,
    })
    this.#dead = new Gauge({
      name: 'celeriac_queue_dead_letters',
      help: 'Messages of a queue that could not be run',
      ...ofQueue,
    })
    this.#outboxWaiting = new Gauge({
      name: 'celeriac_outbox_messages',
      help: 'Calls in the outbox of a database that are not sent yet',
      ...ofOrm,
    })
    this.#outboxOldest = new Gauge({
      name: 'celeriac_outbox_oldest_message_age_seconds',
      help: 'For how long the oldest call in the outbox of a database has waited; 0: none waits',
      ...ofOrm,
    })
  }

  /** Resolves when the gauges are fresh enough, or the stores took too long. Never rejects. */
  async refresh(stores: Stores): Promise<void> {
    if (!this.#looking && performance.now() >= this.#restUntilMs) {
      const startedMs = performance.now()
      this.#looking = this.#look(stores).then((isWhole) => {
        this.#looking = undefined
        const tookMs = performance.now() - startedMs
        // What could not be had is asked for again: it is missing until then.
        const restMs = isWhole ? Math.min(mostRestMs, tookMs * restFactor) : 0
        this.#restUntilMs = performance.now() + Math.max(keptMs, restMs)
      })
    }
    if (!this.#looking) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)))
    await Promise.race([this.#looking, late])
    clearTimeout(timer)
  }

  /** False if a store could not be asked. */
  async #look({ app, queues, outbox }: Stores): Promise<boolean> {
    const looks = await Promise.allSettled([this.#lookAtQueues(app, queues), this.#lookAtOutboxes(outbox)])
    const failed = looks.filter((look) => look.status === 'rejected')
    for (const { reason } of failed)
      app.log.debug({ err: reason as unknown }, 'A store could not be looked at for metrics')
    return failed.length === 0
  }

  async #lookAtQueues(app: Celeriac, queues: readonly string[]): Promise<void> {
    // What is old must not be taken for what is.
    for (const gauge of [this.#waiting, this.#oldest, this.#dead]) gauge.reset()
    const broker = await app.openBroker()
    for (const queue of queues) {
      this.#waiting.set({ queue }, await broker.count(queue))
      this.#dead.set({ queue }, await broker.count(deadLetterQueue(queue)))
      const age = await this.#ageOfNext(broker, queue)
      if (age !== undefined) this.#oldest.set({ queue }, age)
    }
  }

  async #lookAtOutboxes(outbox: Outbox): Promise<void> {
    for (const gauge of [this.#outboxWaiting, this.#outboxOldest]) gauge.reset()
    for (const { orm, waiting, oldestMs = 0 } of await outbox.depths()) {
      this.#outboxWaiting.set({ orm }, waiting)
      this.#outboxOldest.set({ orm }, oldestMs / 1000)
    }
  }

  async #ageOfNext(broker: Broker, queue: string): Promise<number | undefined> {
    const messages = await broker.peek?.(queue, { offset: 0, limit: 1 })
    const [message] = messages ?? []
    if (!message) this.#next.delete(queue)
    if (!messages) return undefined
    return message ? Math.max(0, Date.now() - this.#waitsSinceMs(queue, message)) / 1000 : 0
  }

  #waitsSinceMs(queue: string, message: Message): number {
    const id = taskIdOf(message) ?? ''
    const { eta } = message.headers
    const dueMs = typeof eta === 'string' ? Date.parse(eta) : Number.NaN
    const wantedMs = wantedAtMs(id, Number.isNaN(dueMs) ? undefined : new Date(dueMs))
    if (wantedMs !== undefined) return wantedMs
    const known = this.#next.get(queue)
    if (known?.id === id) return known.sinceMs
    const sinceMs = Date.now()
    this.#next.set(queue, { id, sinceMs })
    return sinceMs
  }
}
