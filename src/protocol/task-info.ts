import { isRecord } from './describe-value.ts'

/** Where a task came from, as a worker tells it. */
export interface TaskDelivery {
  readonly exchange: string
  readonly routingKey: string
  readonly priority: number | undefined
  readonly redelivered: boolean
}

/** A task that a worker holds (celery-wire 9.5). */
export interface TaskInfo {
  readonly id: string
  /** As it is shown: `shadow` where the call gave one. */
  readonly name: string
  /** The name of the task. */
  readonly type: string
  /** A list, or its representation as text. */
  readonly args: unknown
  /** A record, or its representation as text. */
  readonly kwargs: unknown
  /** The worker's node name. */
  readonly hostname: string | undefined
  /** When the body began, in seconds since 1970. */
  readonly timeStart: number | undefined
  readonly acknowledged: boolean
  readonly deliveryInfo: TaskDelivery
  /** Of the process that runs it. */
  readonly workerPid: number | undefined
}

/** A task that waits for its ETA. */
export interface ScheduledTask {
  /** ISO 8601. */
  readonly eta: string | undefined
  readonly priority: number | undefined
  readonly request: TaskInfo
}

/** What a worker knows of a task it was asked for. */
export interface QueriedTask {
  readonly state: 'active' | 'reserved' | 'ready'
  readonly task: TaskInfo
}

export function encodeTaskInfo(task: TaskInfo): Record<string, unknown> {
  const { exchange, routingKey, priority, redelivered } = task.deliveryInfo
  return {
    id: task.id,
    name: task.name,
    args: task.args,
    kwargs: task.kwargs,
    type: task.type,
    hostname: task.hostname ?? null,
    time_start: task.timeStart ?? null,
    acknowledged: task.acknowledged,
    delivery_info: { exchange, routing_key: routingKey, priority: priority ?? null, redelivered },
    worker_pid: task.workerPid ?? null,
  }
}

/** What is missing or of another kind is left open: workers of other versions say more or less. */
export function decodeTaskInfo(value: unknown): TaskInfo {
  const info = isRecord(value) ? value : {}
  const delivery = isRecord(info['delivery_info']) ? info['delivery_info'] : {}
  const type = text(info['type']) ?? text(info['name']) ?? ''
  return {
    id: text(info['id']) ?? '',
    name: text(info['name']) ?? type,
    type,
    args: info['args'],
    kwargs: info['kwargs'],
    hostname: text(info['hostname']),
    timeStart: number(info['time_start']),
    acknowledged: info['acknowledged'] === true,
    deliveryInfo: {
      exchange: text(delivery['exchange']) ?? '',
      routingKey: text(delivery['routing_key']) ?? '',
      priority: number(delivery['priority']),
      redelivered: delivery['redelivered'] === true,
    },
    workerPid: number(info['worker_pid']),
  }
}

export function encodeScheduledTask({ eta, priority, request }: ScheduledTask): Record<string, unknown> {
  return { eta: eta ?? null, priority: priority ?? null, request: encodeTaskInfo(request) }
}

export function decodeScheduledTask(value: unknown): ScheduledTask {
  const scheduled = isRecord(value) ? value : {}
  return {
    eta: text(scheduled['eta']),
    priority: number(scheduled['priority']),
    request: decodeTaskInfo(scheduled['request']),
  }
}

export function decodeQueriedTask(value: unknown): QueriedTask {
  const [state, task] = Array.isArray(value) ? (value as unknown[]) : []
  return { state: state === 'active' || state === 'reserved' ? state : 'ready', task: decodeTaskInfo(task) }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
