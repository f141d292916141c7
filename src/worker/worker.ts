import type { Celeriac } from '../app/app.ts'
import { isApp } from '../app/exported-app.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { aborted } from '../util/aborted.ts'
import { durationMs } from '../util/duration.ts'
import { slotName } from '../util/slot-mark.ts'
import type { Consumer } from './consumer.ts'
import type { WorkerMetrics } from './metrics.ts'
import { checkWorkerOptions } from './check-worker-options.ts'
import { connectStores } from './connect-stores.ts'
import { nodeName } from './node-name.ts'
import { resolvePoolOptions, type ResolvedPoolOptions } from './pool-options.ts'
import { openProbes, type Probes } from './probes.ts'
import { Readiness, type WorkerHealth } from './readiness.ts'
import { shutDown, summaryOf, type ShutdownSummary } from './shut-down.ts'
import type { WorkerOptions } from './worker-options.ts'
import type { WorkerParts } from './worker-parts.ts'

function noApp(given: unknown): string {
  const hint = given === undefined ? ': is it imported from a module that imports this one?' : ''
  return `new Worker(app) needs a Celeriac; got ${describeValue(given)}${hint}`
}

/** Takes tasks from queues and runs them. */
export class Worker {
  readonly name: string
  /** At the start; remote control may change them. */
  readonly queues: readonly string[]
  /** Where bodies run. */
  readonly pool: ResolvedPoolOptions['kind']
  /** How many bodies run at once; the most, where that follows from how much there is to do. */
  readonly concurrency: number
  /** Resolves when the worker takes tasks; rejects when it could not start. */
  readonly ready: Promise<void>
  /** Set when `run` resolves. */
  shutdown: ShutdownSummary | undefined
  readonly #app: Celeriac
  readonly #options: WorkerOptions
  readonly #readiness: Readiness
  readonly #stopping = new AbortController()
  readonly #killing = new AbortController()
  #ready!: { readonly resolve: () => void; readonly reject: (error: unknown) => void }
  readonly #pool: ResolvedPoolOptions
  /** Why nothing can run any more. */
  #broken: Error | undefined
  #ran = false

  constructor(app: Celeriac, options: WorkerOptions = {}) {
    if (!isApp(app)) throw new ImproperlyConfigured(noApp(app))
    checkWorkerOptions(options)
    this.#app = app
    this.#options = options
    this.name = nodeName(options.name)
    this.#readiness = new Readiness(app.log, app.config.worker.outageToleranceMs)
    this.queues = options.queues ?? [app.config.task.defaultQueue, ...app.config.task.broadcastQueues]
    this.#pool = resolvePoolOptions(options, app.config)
    this.pool = this.#pool.kind
    this.concurrency = this.#pool.autoscale?.max ?? this.#pool.size
    this.ready = new Promise((resolve, reject) => (this.#ready = { resolve, reject }))
    // Whoever runs the worker sees the error there; nobody has to look at `ready`.
    this.ready.catch(() => undefined)
  }

  /** Not ready before it takes tasks, and again once it could not take any for `worker_outage_tolerance`. For probes. */
  get health(): WorkerHealth {
    return this.#readiness.health
  }

  /** Stops taking tasks and waits for those that run (`warm`), or ends them and gives them back (`cold`). Harmless when repeated. */
  stop(how: 'warm' | 'cold' = 'warm'): void {
    this.#stopping.abort()
    if (how === 'cold') this.#killing.abort()
  }

  /** Runs until `signal` aborts (a warm shutdown) or `stop` is called. Rejects if it cannot start. */
  async run(signal?: AbortSignal): Promise<void> {
    if (this.#ran) throw new Error(`worker ${this.name} ran already: make a new one`)
    refuseInSlot()
    this.#ran = true
    const onAbort = (): void => this.stop('warm')
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await using probes = await this.#openProbes()
      await this.#run(probes.metrics)
    } catch (error) {
      this.#ready.reject(error)
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #run(metrics: WorkerMetrics | undefined): Promise<void> {
    const app = this.#app
    await app.loadTasks()
    const parts = await connectStores(app, this.name, this.#stopping.signal, () => this.#openParts())
    if (!parts) return this.#tellShutdown()
    metrics?.observe(parts)
    try {
      await Promise.race([parts.start(), aborted(this.#stopping.signal)])
      if (!this.#stopping.signal.aborted) await this.#serve(parts)
    } finally {
      await parts[Symbol.asyncDispose]()
      await this.#tellShutdown()
    }
    if (this.#broken) throw this.#broken
  }

  async #openParts(): Promise<WorkerParts> {
    const { openParts } = await import('./worker-parts.ts')
    return await openParts({
      app: this.#app,
      workerName: this.name,
      options: this.#options,
      pool: this.#pool,
      onOutage: this.#readiness.onOutage,
      onStuck: this.#readiness.onStuck,
      onBroken: (error) => this.#break(error),
      stop: () => this.stop('warm'),
    })
  }

  async #tellShutdown(): Promise<void> {
    const { signals, log } = this.#app
    await signals.emit('workerShutdown', { workerName: this.name })
    if (!this.shutdown) return
    log.info(
      { workerName: this.name, ...this.shutdown },
      '{workerName} stopped ({how}): {finished} task(s) finished, {givenBack} given back unstarted, {cutOff} stopped and given back',
    )
  }

  /** Nothing can run any more: `run` rejects with the reason, once what is here has gone back. */
  #break(error: Error): void {
    this.#broken ??= error
    this.stop('cold')
  }

  async #serve({ consumer, events }: WorkerParts): Promise<void> {
    const app = this.#app
    await consumer.start(this.queues)
    app.log.info(
      { workerName: this.name, queues: this.queues.join(', '), concurrency: this.concurrency, tasks: app.tasks.size },
      '{workerName} ready',
    )
    events.start()
    await app.signals.emit('workerReady', { workerName: this.name })
    this.#readiness.take(() => consumer.claimedAtMs)
    this.#ready.resolve()
    const drained = this.#options.drain ? this.#stopWhenDrained(consumer) : undefined
    await aborted(this.#stopping.signal)
    await drained
    await this.#shutDown(consumer)
  }

  async #shutDown(consumer: Consumer): Promise<void> {
    const { shutdownTimeout } = this.#options
    const timeoutMs =
      shutdownTimeout === undefined
        ? this.#app.config.worker.shutdownTimeoutMs
        : durationMs(shutdownTimeout, 'shutdownTimeout')
    this.#readiness.stop()
    try {
      await shutDown(consumer, { app: this.#app, workerName: this.name, timeoutMs, killing: this.#killing })
    } finally {
      this.shutdown = summaryOf(consumer, this.#killing)
    }
  }

  #openProbes(): Promise<Probes> {
    const { healthPort, healthFile } = this.#options
    const health = (): WorkerHealth => this.health
    return openProbes({ app: this.#app, workerName: this.name, pool: this.pool, health, healthPort, healthFile })
  }

  async #stopWhenDrained(consumer: Consumer): Promise<void> {
    const broker = await this.#app.openBroker()
    while (!this.#stopping.signal.aborted) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, drainCheckMs)), aborted(this.#stopping.signal)])
      const counts = await Promise.all([...consumer.queues].map((queue) => broker.count(queue)))
      if (consumer.isIdle && counts.every((count) => count === 0)) this.stop('warm')
    }
  }
}

const drainCheckMs = 50

/** The module that a slot imports to find its tasks must not start a worker of its own. */
function refuseInSlot(): void {
  const slot = slotName()
  if (slot === undefined) return
  throw new ImproperlyConfigured(
    `${slot} is a slot of a worker's pool, which imports the app's module to find its tasks, and that module runs a ` +
      'worker. Put the app into a module of its own, or run the worker only `if (import.meta.main)`',
  )
}
