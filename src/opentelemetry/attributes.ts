import type { Attributes } from '@opentelemetry/api'
import type { PublishedMessage, RunTrace } from '../app/tracing.ts'

/** Of Celery's instrumentation, and beside them today's names of OpenTelemetry's conventions for messaging. */
export function publishAttributes({ taskName, taskId, queue, headers, deliverAt }: PublishedMessage): Attributes {
  return {
    'celery.action': 'apply_async',
    'celery.task_name': taskName,
    ...messaging(taskId, queue),
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'apply_async',
    ...present({ 'celery.eta': deliverAt?.toISOString(), 'celery.expires': text(headers['expires']) }),
  }
}

export function runAttributes(run: RunTrace): Attributes {
  const { taskName, taskId, queue, workerName, retries, deliveryCount, headers, properties } = run
  const { correlationId, replyTo } = properties
  return {
    'celery.action': 'run',
    'celery.task_name': taskName,
    'celery.hostname': workerName,
    ...messaging(taskId, queue),
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'run',
    ...present({
      'messaging.conversation_id': correlationId,
      'celery.reply_to': replyTo,
      'celery.retries': retries === 0 ? undefined : retries,
      'celery.redelivered': deliveryCount > 1 ? true : undefined,
      'celery.eta': text(headers['eta']),
      'celery.expires': text(headers['expires']),
      'celery.timelimit': timeLimit(headers['timelimit']),
    }),
  }
}

function messaging(taskId: string, queue: string): Attributes {
  return {
    'messaging.system': 'celery',
    'messaging.message.id': taskId,
    'messaging.destination': queue,
    'messaging.destination_kind': 'queue',
    'messaging.destination.name': queue,
  }
}

function present(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Celery's `[hard, soft]`, in seconds, as texts; empty for none. */
function timeLimit(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.every((limit) => limit === null)) return undefined
  return value.map((limit) => (limit === null ? '' : String(limit)))
}
