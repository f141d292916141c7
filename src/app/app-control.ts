import { Control } from '../control/control.ts'
import type { Celeriac } from './app.ts'
import { configuredQueues } from './configured-queues.ts'
import { storeRevoked } from './store-revoked.ts'

/** Remote control of the workers of an app, by way of its broker, once somebody asks for it. */
export function controlOf(app: Celeriac): Control {
  return new Control({
    broker: () => app.openBroker(),
    form: async () => (await app.connections.codec()).form(app.config.task.serializer),
    log: () => app.log,
    revokeExpiresMs: () => app.config.worker.revokeExpiresMs,
    storeRevoked: async (taskIds) => {
      const backend = await app.openBackend()
      for (const taskId of taskIds) await storeRevoked(backend, taskId)
    },
    queues: () => configuredQueues(app.config),
  })
}
