import type { Celeriac } from '../app/app.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import { slotName } from '../util/slot-mark.ts'
import type { Consumer } from './consumer.ts'
import type { HealthAddress } from './health-server.ts'
import type { WorkerMetrics } from './metrics.ts'
import { nodeName } from './node-name.ts'
import { resolvePoolOptions, type PoolOptions, type ResolvedPoolOptions } from './pool-options.ts'
import { Readiness, type WorkerHealth } from './readiness.ts'
import type { WorkerParts } from './worker-parts.ts'

export interface WorkerOptions extends PoolOptions {
  /** Default: `task_default_queue` and `task_broadcast_queues`. */
  readonly queues?: readonly string[]
  /** Node name; `%h`, `%n`, `%d` are filled in. Default `celery@%h`. */
  readonly name?: string
  readonly prefetchMultiplier?: number
  /** How long a warm shutdown waits for running tasks. Default: `worker_shutdown_timeout`. */
  readonly shutdownTimeout?: Duration
  /** For tasks that have no limits of their own. */
  readonly timeLimit?: Duration
  readonly softTimeLimit?: Duration
  /** Stops by itself once its queues are empty and nothing runs. */
  readonly drain?: boolean
  /** Sends events of tasks for monitors to watch. Default: `worker_send_task_events`. Remote control may change it. */
  readonly taskEvents?: boolean
  /** From one event `worker-heartbeat` to the next. Default 2 s. */
  readonly heartbeatInterval?: Duration
  /** Sends neither heartbeats nor the events that say when the worker begins and ends. */
  readonly withoutHeartbeat?: boolean
  /** Does not ask the other workers at its start what is revoked. */
  readonly withoutMingle?: boolean
  /** Answers probes of a supervisor and scrapes of Prometheus over HTTP: a port (on all addresses) or host:port. Default: none. */
  readonly healthPort?: HealthAddress
  /** A file whose age tells whether the worker is ready. Default: none. */
  readonly healthFile?: string
}

/** How a worker ended. */
export interface ShutdownSummary {
  readonly how: 'warm' | 'cold'
  /** Bodies that got done after the shutdown had begun. */
  readonly finished: number
  /** Messages that had not begun, back in their queues uncounted. */
  readonly givenBack: number
  /** Bodies that were told to stop; their messages are back in their queues, uncounted. */
  readonly cutOff: number
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
  #metrics: WorkerMetrics | undefined

  constructor(app: Celeriac, options: WorkerOptions = {}) {
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
      await using _ = await this.#serveHealth()
      await this.#run()
    } catch (error) {
      this.#ready.reject(error)
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #run(): Promise<void> {
    const app = this.#app
    await app.loadTasks()
    const { openParts } = await import('./worker-parts.ts')
    const parts = await openParts({
      app,
      workerName: this.name,
      options: this.#options,
      pool: this.#pool,
      onOutage: this.#readiness.onOutage,
      onBroken: (error) => this.#break(error),
      stop: () => this.stop('warm'),
    })
    this.#metrics?.observe(parts)
    try {
      await Promise.race([parts.start(), aborted(this.#stopping.signal)])
      if (!this.#stopping.signal.aborted) await this.#serve(parts)
    } finally {
      await parts[Symbol.asyncDispose]()
      await this.#tellShutdown()
    }
    if (this.#broken) throw this.#broken
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

  /** Warm until the deadline, a second signal makes it cold at once. */
  async #shutDown(consumer: Consumer): Promise<void> {
    const app = this.#app
    const { shutdownTimeout } = this.#options
    const timeoutMs =
      shutdownTimeout === undefined
        ? app.config.worker.shutdownTimeoutMs
        : durationMs(shutdownTimeout, 'shutdownTimeout')
    const how = this.#killing.signal.aborted ? 'cold' : 'warm'
    this.#readiness.stop()
    app.log.info(
      { workerName: this.name, how, running: consumer.running.size },
      '{workerName}: {how} shutdown, {running} task(s) running',
    )
    await app.signals.emit('workerShuttingDown', { workerName: this.name, how })
    const timer = setTimeout(() => this.#killing.abort(), timeoutMs)
    try {
      const isDone = await Promise.race([
        consumer.stop().then(() => true),
        aborted(this.#killing.signal).then(() => false),
      ])
      if (isDone) return
      app.log.warn(
        { workerName: this.name, running: consumer.running.size },
        '{workerName}: cold shutdown, {running} task(s) are stopped and given back',
      )
      await consumer.running.abort()
    } finally {
      clearTimeout(timer)
      this.shutdown = { how: this.#killing.signal.aborted ? 'cold' : 'warm', ...consumer.tally }
    }
  }

  async #serveHealth(): Promise<AsyncDisposable> {
    const { healthPort, healthFile } = this.#options
    await using opened = new AsyncDisposableStack()
    const health = (): WorkerHealth => this.health
    if (healthPort !== undefined) {
      const metrics = await this.#openMetrics()
      if (metrics) opened.use(metrics)
      const { openHealthServer } = await import('./health-server.ts')
      opened.use(await openHealthServer(healthPort, health, () => metrics?.page()))
    }
    if (healthFile !== undefined)
      opened.use(await (await import('./health-file.ts')).openHealthFile(healthFile, health, this.#app.log))
    return opened.move()
  }

  async #openMetrics(): Promise<WorkerMetrics | undefined> {
    const { openMetrics } = await import('./metrics.ts')
    this.#metrics = await openMetrics({
      app: this.#app,
      workerName: this.name,
      pool: this.pool,
      isReady: () => this.health.isReady,
    })
    return this.#metrics
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

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
