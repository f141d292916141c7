import type { Celeriac } from '../app/app.ts'
import type { Codec } from '../app/codec.ts'
import type { ResultBackend } from '../backends/backend.ts'
import type { Broker } from '../brokers/broker.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Consumer } from './consumer.ts'
import type { DeliveryWindow } from './delivery-window.ts'
import type { MemorySamples } from './memory-samples.ts'
import type { PoolSize } from './pool-size.ts'
import type { ResolvedPoolOptions } from './pool-options.ts'
import type { TaskLimits } from './task-limits.ts'
import type { WorkerEvents } from './worker-events.ts'
import type { WorkerPools } from './worker-pools.ts'

/** What the commands of remote control see of a worker, and change. */
export interface WorkerState {
  readonly app: Celeriac
  readonly nodeName: string
  readonly startedAtMs: number
  readonly broker: Broker
  readonly backend: ResultBackend
  readonly codec: Codec
  readonly consumer: Consumer
  readonly pools: WorkerPools
  readonly pool: ResolvedPoolOptions
  readonly poolSize: PoolSize
  readonly window: DeliveryWindow
  readonly limits: TaskLimits
  readonly events: WorkerEvents
  readonly memory: MemorySamples
  readonly outbox: Outbox
  /** Begins a warm shutdown. */
  readonly stop: () => void
}
