import type { SignatureData, TaskSignature } from '../protocol/signature-json.ts'
import type { Celeriac } from './app.ts'

/** The queue that a workflow begins in, or the first of them. */
export function queueOf(data: SignatureData, app: Celeriac): string {
  if (data.kind === 'task') return queueOfTask(app, data)
  if (data.kind === 'chord') return queueOf(data.header, app)
  return data.tasks[0] ? queueOf(data.tasks[0], app) : app.config.task.defaultQueue
}

/** Where the message of a task goes. `celery.map` and `celery.starmap` go where the task goes that they call. */
export function queueOfTask(app: Celeriac, { task, kwargs, options }: TaskSignature): string {
  const queue = options['queue'] ?? (options['exchange'] ? undefined : options['routingKey'])
  if (typeof queue === 'string') return queue
  const name = (task.startsWith('celery.') ? innerTask(kwargs['task']) : undefined) ?? task
  return app.tasks.get(name)?.compiledFor(app).queue ?? app.router.route(name).queue
}

function innerTask(inner: unknown): string | undefined {
  if (typeof inner !== 'object' || inner === null) return undefined
  const { task } = inner as { readonly task?: unknown }
  return typeof task === 'string' ? task : undefined
}
