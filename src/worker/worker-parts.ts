import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Broker } from '../brokers/broker.ts'
import { EventDispatcher } from '../events/event-dispatcher.ts'
import { Outbox } from '../outbox/outbox.ts'
import { durationMs } from '../util/duration.ts'
import { packageVersion } from '../util/own-files.ts'
import { ChordSweep } from './chord-sweep.ts'
import type { Consumer } from './consumer.ts'
import { openDeadLetterCleanup } from './dead-letter-cleanup.ts'
import { DeliveryWindow } from './delivery-window.ts'
import { watchEscapedErrors } from './escaped-errors.ts'
import { Executor } from './executor.ts'
import { LoopLag } from './loop-lag.ts'
import { MemorySamples } from './memory-samples.ts'
import { openConsumer } from './open-consumer.ts'
import { mingle } from './mingle.ts'
import type { ResolvedPoolOptions } from './pool-options.ts'
import { PoolSize } from './pool-size.ts'
import { RemoteControl } from './remote-control.ts'
import { RestExecutor } from './rest-executor.ts'
import { openResultCleanup } from './result-cleanup.ts'
import { StuckPool } from './stuck-pool.ts'
import { TaskEvents } from './task-events.ts'
import { TaskLimits } from './task-limits.ts'
import { TaskObservers } from './task-observer.ts'
import { tellWaitingResults } from './waiting-results.ts'
import { WorkerEvents } from './worker-events.ts'
import { WorkerPools } from './worker-pools.ts'
import type { WorkerOptions } from './worker-options.ts'

export interface WorkerPartsOptions {
  readonly app: Celeriac
  readonly workerName: string
  readonly options: WorkerOptions
  readonly pool: ResolvedPoolOptions
  readonly onOutage: (reason: Error | undefined) => void
  /** Why no task can begin; undefined: they can again. */
  readonly onStuck: (reason: string | undefined) => void
  /** Nothing can run any more. */
  readonly onBroken: (error: Error) => void
  /** Begins a warm shutdown. */
  readonly stop: () => void
}

/** What a worker runs on, released in reverse order. */
export interface WorkerParts extends AsyncDisposable {
  readonly consumer: Consumer
  /** Who is told what happens to tasks. */
  readonly observers: TaskObservers
  readonly events: WorkerEvents
  readonly pools: WorkerPools
  readonly outbox: Outbox
  /** Resolves when bodies can run, and when the other workers told what is revoked. */
  start(): Promise<void>
}

/**
 * Acquires the parts of a worker in order. They stand in a file of their own because only who runs a worker needs them: a
 * program that calls tasks, and a slot, do not load them.
 */
export async function openParts(options: WorkerPartsOptions): Promise<WorkerParts> {
  const { app, workerName, pool, onBroken, onStuck } = options
  const [broker, backend, codec] = await Promise.all([app.openBroker(), app.openBackend(), app.connections.codec()])
  await using opened = new AsyncDisposableStack()
  opened.use(watchEscapedErrors(app))
  const lag = new LoopLag(app.log, app.config.worker.blockWarningMs)
  const executor = openExecutor(options, backend, codec, lag)
  const observers = new TaskObservers()
  const events = opened.use(openEvents(options, { broker, codec, observers, consumer: () => consumer }))
  const rests = new RestExecutor(app, backend, codec)
  const pools = opened.use(
    await WorkerPools.open({
      app,
      workerName,
      options: options.options,
      resolved: pool,
      execute: (job, attempt) => executor.execute(job, attempt),
      executeRest: (job, attempt) => rests.execute(job, attempt),
      store: (meta) => backend.store(meta),
      onSlotFree: () => {
        stuck.slotFree()
        consumer.wake()
      },
      onAbandoned: () => stuck.look(),
      onBroken,
    }),
  )
  const window = new DeliveryWindow(
    pools.size,
    options.options.prefetchMultiplier ?? app.config.worker.prefetchMultiplier,
  )
  const limits = new TaskLimits(app)
  const ending = new AbortController()
  const askOthers = async (): Promise<void> => {
    if (!options.options.withoutMingle) await mingle(state, ending.signal)
  }
  const consumer = openConsumer(options, { pools, window, observers, limits, backend, codec })
  const poolSize = opened.use(new PoolSize({ pool, pools, window, consumer, log: app.log }))
  const mostSlots = (): number => poolSize.bounds?.max ?? 1
  const { log } = app
  const stuck = opened.use(new StuckPool({ pool: pools.main, mostSlots, consumer, window, log, workerName, onStuck }))
  const { stop, workerName: nodeName } = options
  const outbox = new Outbox(app)
  const own = { nodeName, startedAtMs: Date.now(), memory: new MemorySamples(), outbox, stop }
  const state = { ...own, app, broker, backend, codec, consumer, pools, pool, poolSize, window, limits, events }
  opened.use(await RemoteControl.open(state, () => void askOthers()))
  opened.defer(() => consumer.close())
  opened.use(tellWaitingResults(app.log, backend, () => consumer.running.items()))
  opened.use(openResultCleanup(backend, app.log, app.config.result.expiresMs))
  const { deadLetterExpiresMs, task } = app.config
  if (deadLetterExpiresMs !== undefined) {
    // An outbox buries among those of the default queue.
    const queues = (): Iterable<string> => new Set([...consumer.queues, task.defaultQueue])
    opened.use(openDeadLetterCleanup({ broker, log: app.log, expiresMs: deadLetterExpiresMs, queues }))
  }
  opened.use(new ChordSweep(app, backend))
  lag.watch(() => consumer.running.items())
  opened.defer(() => lag.stop())
  opened.defer(() => ending.abort())
  opened.use(relay(outbox))
  const parts = opened.move()
  return {
    consumer,
    observers,
    events,
    pools,
    outbox,
    start: async () => {
      await Promise.all([pools.start(), askOthers()])
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

function openExecutor(
  { app, workerName }: WorkerPartsOptions,
  backend: ResultBackend,
  codec: Codec,
  lag: LoopLag,
): Executor {
  return new Executor(app, {
    hostname: workerName,
    codec,
    isEager: false,
    store: (meta) => backend.store(meta),
    onBlocked: (taskName, taskId, blockedMs) => lag.blockedBy(taskName, taskId, blockedMs),
    blockWarningMs: app.config.worker.blockWarningMs,
  })
}

interface EventParts {
  readonly broker: Broker
  readonly codec: Codec
  readonly observers: TaskObservers
  readonly consumer: () => Consumer
}

function openEvents({ app, workerName, options }: WorkerPartsOptions, parts: EventParts): WorkerEvents {
  const { broker, codec, observers, consumer } = parts
  const { taskEvents, heartbeatInterval = '2s', withoutHeartbeat = false } = options
  const dispatcher = new EventDispatcher({
    broker: () => broker,
    hostname: workerName,
    clock: app.clock,
    onError: (error, dropped) =>
      app.log.debug({ err: error, dropped }, 'Dropped {dropped} event(s) that could not be sent'),
  })
  const events = new WorkerEvents({
    dispatcher,
    observers,
    taskEvents: new TaskEvents(app, codec, dispatcher),
    version: packageVersion(),
    heartbeatMs: withoutHeartbeat ? undefined : durationMs(heartbeatInterval, 'heartbeatInterval') || 2000,
    load: () => ({ active: consumer().running.size, processed: consumer().running.startedCount }),
  })
  if (taskEvents ?? app.config.worker.sendTaskEvents) events.enable()
  return events
}

function relay(outbox: Outbox): AsyncDisposable {
  const relaying = new AbortController()
  const relayed = outbox.run(relaying.signal)
  return {
    [Symbol.asyncDispose]: () => {
      relaying.abort()
      return relayed
    },
  }
}
