import type { Celeriac } from '../app/app.ts'
import type { ResultBackend } from '../backends/backend.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { durationMs, type Duration } from '../util/duration.ts'
import { slotName } from '../util/slot-mark.ts'
import { Autoscaler } from './autoscaler.ts'
import { Consumer } from './consumer.ts'
import { DeliveryWindow } from './delivery-window.ts'
import { surviveDriverErrors } from './driver-errors.ts'
import { Executor } from './executor.ts'
import type { HealthAddress } from './health-server.ts'
import { LoopLag } from './loop-lag.ts'
import { nodeName } from './node-name.ts'
import { resolvePoolOptions, type PoolOptions, type ResolvedPoolOptions } from './pool-options.ts'
import { Readiness, type WorkerHealth } from './readiness.ts'
import { ResultCleanup } from './result-cleanup.ts'
import { Revocations } from './revocations.ts'
import { Settler } from './settler.ts'
import { TaskLog } from './task-log.ts'
import { WorkerPools } from './worker-pools.ts'

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
  /** Answers the probes of a supervisor over HTTP: a port (on all addresses) or host:port. Default: none. */
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
  #window: DeliveryWindow | undefined
  /** Why nothing can run any more. */
  #broken: Error | undefined
  #ran = false

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
    // What a program that only calls tasks, or a slot, does not need is imported by those who run a worker.
    const { Outbox } = await import('../outbox/outbox.ts')
    const outbox = new Outbox(app)
    const [broker, backend, codec] = await Promise.all([app.openBroker(), app.openBackend(), app.openCodec()])
    const lag = new LoopLag(app.log, app.config.worker.blockWarningMs)
    const executor = new Executor(app, {
      hostname: this.name,
      codec,
      isEager: false,
      store: (meta) => backend.store(meta),
      onBlocked: (taskName, taskId, blockedMs) => lag.blockedBy(taskName, taskId, blockedMs),
      blockWarningMs: app.config.worker.blockWarningMs,
    })
    const pools = await WorkerPools.open({
      app,
      workerName: this.name,
      options: this.#options,
      resolved: this.#pool,
      execute: (job, attempt) => executor.execute(job, attempt),
      store: (meta) => backend.store(meta),
      onSlotFree: () => consumer.wake(),
      onBroken: (error) => this.#break(error),
    })
    const consumer = this.#consumer(pools, backend, codec)
    const autoscaler = this.#autoscaler(pools, consumer)
    lag.watch(() => consumer.running.items())
    const cleanup = new ResultCleanup(backend, app.log)
    const control = await broker.listen('control', (message) => consumer.revocations.accept(message))
    const survival = app.models.adapters.length > 0 ? surviveDriverErrors(app.log) : undefined
    const relaying = new AbortController()
    const relayed = outbox.run(relaying.signal)
    try {
      await Promise.race([pools.start(), aborted(this.#stopping.signal)])
      if (!this.#stopping.signal.aborted) await this.#serve(consumer)
    } finally {
      autoscaler?.stop()
      relaying.abort()
      await relayed
      lag.stop()
      await cleanup[Symbol.asyncDispose]()
      await consumer.close()
      await control[Symbol.asyncDispose]()
      await pools[Symbol.asyncDispose]()
      survival?.[Symbol.dispose]()
      await app.signals.emit('workerShutdown', { workerName: this.name })
      if (this.shutdown) {
        app.log.info(
          { workerName: this.name, ...this.shutdown },
          '{workerName} stopped ({how}): {finished} task(s) finished, {givenBack} given back unstarted, {cutOff} stopped and given back',
        )
      }
    }
    if (this.#broken) throw this.#broken
  }

  /** Nothing can run any more: `run` rejects with the reason, once what is here has gone back. */
  #break(error: Error): void {
    this.#broken ??= error
    this.stop('cold')
  }

  #autoscaler(pools: WorkerPools, consumer: Consumer): Autoscaler | undefined {
    const { autoscale } = this.#pool
    if (!autoscale) return undefined
    const resize = (size: number): void => {
      void pools.main.resize(size)
      // One more than there are slots: that it waits tells that more are needed.
      this.#window?.resize(pools.size + 1)
      consumer.resized()
    }
    this.#window?.resize(pools.size + 1)
    return new Autoscaler({ ...autoscale, demand: () => consumer.demand, resize, log: this.#app.log })
  }

  #consumer(pools: WorkerPools, backend: ResultBackend, codec: Awaited<ReturnType<Celeriac['openCodec']>>): Consumer {
    const app = this.#app
    const { timeLimit, softTimeLimit, prefetchMultiplier = app.config.worker.prefetchMultiplier } = this.#options
    const revocations: Revocations = new Revocations({
      nodeName: this.name,
      max: app.config.worker.revokesMax,
      expiresMs: app.config.worker.revokeExpiresMs,
      onRevoked: (taskId, { terminate }) => consumer.revoke(taskId, terminate),
    })
    const consumer = new Consumer({
      app,
      codec,
      pools,
      settler: new Settler(app, backend),
      revocations,
      taskLog: new TaskLog(app.log),
      limits: {
        hardMs: timeLimit === undefined ? undefined : durationMs(timeLimit, 'timeLimit'),
        softMs: softTimeLimit === undefined ? undefined : durationMs(softTimeLimit, 'softTimeLimit'),
      },
      window: (this.#window = new DeliveryWindow(pools.size, prefetchMultiplier)),
      maxDeliveries: app.config.task.maxDeliveries,
      onOutage: this.#readiness.onOutage,
    })
    return consumer
  }

  async #serve(consumer: Consumer): Promise<void> {
    const app = this.#app
    await consumer.start(this.queues)
    app.log.info(
      { workerName: this.name, queues: this.queues.join(', '), concurrency: this.concurrency, tasks: app.tasks.size },
      '{workerName} ready',
    )
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
      await consumer.abort()
    } finally {
      clearTimeout(timer)
      this.shutdown = { how: this.#killing.signal.aborted ? 'cold' : 'warm', ...consumer.tally }
    }
  }

  async #serveHealth(): Promise<AsyncDisposable> {
    const { healthPort, healthFile } = this.#options
    await using opened = new AsyncDisposableStack()
    const health = (): WorkerHealth => this.health
    if (healthPort !== undefined)
      opened.use(await (await import('./health-server.ts')).openHealthServer(healthPort, health))
    if (healthFile !== undefined)
      opened.use(await (await import('./health-file.ts')).openHealthFile(healthFile, health, this.#app.log))
    return opened.move()
  }

  async #stopWhenDrained(consumer: Consumer): Promise<void> {
    const broker = await this.#app.openBroker()
    while (!this.#stopping.signal.aborted) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, drainCheckMs)), aborted(this.#stopping.signal)])
      const counts = await Promise.all(this.queues.map((queue) => broker.count(queue)))
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
