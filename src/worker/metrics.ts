import type * as promClient from 'prom-client'
import type { Gauge, Registry } from 'prom-client'
import type { Celeriac } from '../app/app.ts'
import { packageVersion } from '../util/own-files.ts'
import type { MetricsPage } from './health-server.ts'
import { StoreMetrics } from './store-metrics.ts'
import { TaskMetrics } from './task-metrics.ts'
import type { WorkerParts } from './worker-parts.ts'

/** prom-client, which is imported only where metrics are asked for. */
export type PromClient = typeof promClient

export interface MetricsOptions {
  readonly app: Celeriac
  readonly workerName: string
  readonly pool: string
  readonly isReady: () => boolean
}

/** Timers of the event loop are asked for at this distance. Milliseconds. */
const lagResolutionMs = 20

/**
 * What a worker tells Prometheus. Metrics that the app registers with prom-client's default registry are told too. Undefined
 * where the optional peer prom-client is not installed.
 */
export async function openMetrics(options: MetricsOptions): Promise<WorkerMetrics | undefined> {
  try {
    return new WorkerMetrics(await import('prom-client'), options)
  } catch (error) {
    if (!isMissing(error)) throw error
    return undefined
  }
}

export class WorkerMetrics implements Disposable {
  readonly #options: MetricsOptions
  readonly #shared: Registry
  readonly #own: Registry
  readonly #tasks: TaskMetrics
  readonly #stores: StoreMetrics
  readonly #cleanUp = new DisposableStack()
  #parts: WorkerParts | undefined

  constructor(client: PromClient, options: MetricsOptions) {
    this.#options = options
    this.#shared = client.register
    this.#own = new client.Registry()
    this.#tasks = new TaskMetrics(client, this.#own)
    this.#stores = new StoreMetrics(client, this.#own)
    this.#defineWorker(client)
  }

  /** From now on what happens to the tasks of this worker is counted. */
  observe(parts: WorkerParts): void {
    this.#parts = parts
    this.#cleanUp.defer(parts.observers.add(this.#tasks))
  }

  /** What cannot be had in time, because a store is away, is left out. */
  async page(): Promise<MetricsPage> {
    const { app } = this.#options
    if (this.#parts) {
      const { consumer, outbox } = this.#parts
      await this.#stores.refresh({ app, queues: [...consumer.queues], outbox })
    }
    const [own, shared] = await Promise.all([this.#own.metrics(), this.#shared.metrics()])
    return { contentType: this.#own.contentType, text: shared.trim() === '' ? own : `${own}\n${shared}` }
  }

  [Symbol.dispose](): void {
    this.#cleanUp.dispose()
    this.#own.clear()
  }

  #defineWorker({ Gauge }: PromClient): void {
    const { workerName, pool, isReady } = this.#options
    const registers = [this.#own]
    const parts = (): WorkerParts | undefined => this.#parts
    new Gauge({
      name: 'celeriac_worker_info',
      help: 'Always 1; the labels say which worker this is',
      labelNames: ['worker', 'pool', 'version'],
      registers,
    }).set({ worker: workerName, pool, version: packageVersion() }, 1)
    new Gauge({
      name: 'celeriac_worker_ready',
      help: '1 while the worker can take tasks, else 0',
      registers,
      collect() {
        this.set(isReady() ? 1 : 0)
      },
    })
    new Gauge({
      name: 'celeriac_worker_slots',
      help: 'Bodies that can run at once',
      registers,
      collect() {
        this.set(parts()?.pools.size ?? 0)
      },
    })
    new Gauge({
      name: 'celeriac_worker_slots_busy',
      help: 'Bodies that run now',
      registers,
      collect() {
        this.set(parts()?.pools.busy ?? 0)
      },
    })
    this.#defineLag(
      new Gauge({
        name: 'celeriac_worker_event_loop_lag_seconds',
        help: 'How late timers of the event loop were since the last scrape, by quantile; 1 is the longest',
        labelNames: ['quantile'],
        registers,
      }),
    )
  }

  #defineLag(gauge: Gauge<'quantile'>): void {
    const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks')
    const delays = monitorEventLoopDelay({ resolution: lagResolutionMs })
    delays.enable()
    this.#cleanUp.defer(() => delays.disable())
    // What is measured is the distance of two timers.
    const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1000)
    Object.assign(gauge, {
      collect: () => {
        for (const quantile of [0.5, 0.99]) gauge.set({ quantile }, seconds(delays.percentile(quantile * 100)))
        gauge.set({ quantile: 1 }, seconds(delays.max))
        delays.reset()
      },
    })
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes('prom-client')
  )
}
