import type { Codec } from '../app/codec.ts'
import type { ResultBackend } from '../backends/backend.ts'
import { durationMs } from '../util/duration.ts'
import { Consumer } from './consumer.ts'
import type { DeliveryWindow } from './delivery-window.ts'
import { Revocations } from './revocations.ts'
import { Settler } from './settler.ts'
import type { TaskLimits } from './task-limits.ts'
import { TaskLog } from './task-log.ts'
import type { TaskObservers } from './task-observer.ts'
import type { WorkerPartsOptions } from './worker-parts.ts'
import type { WorkerPools } from './worker-pools.ts'

interface ConsumerParts {
  readonly pools: WorkerPools
  readonly window: DeliveryWindow
  readonly observers: TaskObservers
  readonly limits: TaskLimits
  readonly backend: ResultBackend
  readonly codec: Codec
}

/** The consumer of a worker, with what decides, settles and tells for it. It takes nothing before it is started. */
export function openConsumer({ app, options, onOutage }: WorkerPartsOptions, parts: ConsumerParts): Consumer {
  const { timeLimit, softTimeLimit } = options
  const revocations: Revocations = new Revocations({
    max: app.config.worker.revokesMax,
    expiresMs: app.config.worker.revokeExpiresMs,
    onRevoked: (taskId, { terminate }) => consumer.running.revoke(taskId, terminate),
  })
  const consumer = new Consumer({
    app,
    codec: parts.codec,
    pools: parts.pools,
    settler: new Settler(app, parts.backend),
    revocations,
    taskLog: new TaskLog(app.log),
    observers: parts.observers,
    limits: {
      hardMs: timeLimit === undefined ? undefined : durationMs(timeLimit, 'timeLimit'),
      softMs: softTimeLimit === undefined ? undefined : durationMs(softTimeLimit, 'softTimeLimit'),
    },
    taskLimits: parts.limits,
    window: parts.window,
    maxDeliveries: app.config.task.maxDeliveries,
    onOutage,
  })
  return consumer
}
