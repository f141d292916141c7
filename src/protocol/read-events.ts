import type { ClusterEvent, EventOf, Introduction, TaskEvent, WorkerEvent } from './cluster-event.ts'
import { isRecord } from './describe-value.ts'
import type { Message } from './message.ts'

/** An event as it came, with Celery's names. */
export interface WireEvent extends Readonly<Record<string, unknown>> {
  readonly type: string
  readonly hostname: string
  /** Seconds. */
  readonly timestamp: number
}

/** The events of a message: one, or a list. What is no event is left out: whoever listens must survive anything. */
export function readEvents(message: Message): readonly WireEvent[] {
  const body = parse(message)
  const found: readonly unknown[] = Array.isArray(body) ? body : [body]
  return found.every(isEvent) ? found : found.filter(isEvent)
}

function isEvent(value: unknown): value is WireEvent {
  if (!isRecord(value)) return false
  const { type, hostname, timestamp } = value
  return typeof type === 'string' && typeof hostname === 'string' && typeof timestamp === 'number'
}

/** The event with its fields by our names. A field of another type than Celery's counts as missing. */
export function decodeEvent(wire: WireEvent, clock: number, now: number): ClusterEvent {
  const { type } = wire
  if (isWorkerType(type)) return { ...common(type, wire, clock, now), ...workerFields(wire) }
  const taskId = string(wire['uuid'])
  const task = taskId === undefined ? undefined : decodeTaskEvent(wire, clock, now, taskId)
  return task ?? { ...common('custom', wire, clock, now), customType: type, taskId }
}

/** Undefined for an event that Celery does not have. Those that every task has are literals: they cost least. */
function decodeTaskEvent(wire: WireEvent, clock: number, now: number, taskId: string): TaskEvent | undefined {
  const { type, hostname } = wire
  const timestampMs = wire.timestamp * 1000
  switch (type) {
    case 'task-received':
      return {
        type,
        hostname,
        timestampMs,
        receivedAtMs: now,
        clock,
        pid: number(wire['pid']),
        wire,
        taskId,
        name: string(wire['name']),
        args: string(wire['args']),
        kwargs: string(wire['kwargs']),
        rootId: string(wire['root_id']),
        parentId: string(wire['parent_id']),
        retries: number(wire['retries']),
        eta: string(wire['eta']),
        expires: string(wire['expires']),
      }
    case 'task-started':
    case 'task-cancelled':
      return { type, hostname, timestampMs, receivedAtMs: now, clock, pid: number(wire['pid']), wire, taskId }
    case 'task-succeeded': {
      const runtime = number(wire['runtime'])
      return {
        type,
        hostname,
        timestampMs,
        receivedAtMs: now,
        clock,
        pid: number(wire['pid']),
        wire,
        taskId,
        result: string(wire['result']),
        runtimeMs: runtime === undefined ? undefined : runtime * 1000,
      }
    }
    case 'task-sent':
      return {
        ...common(type, wire, clock, now),
        taskId,
        ...introduction(wire),
        queue: string(wire['queue']),
        exchange: string(wire['exchange']),
        routingKey: string(wire['routing_key']),
      }
    case 'task-failed':
    case 'task-retried': {
      const thrown = { exception: string(wire['exception']), traceback: string(wire['traceback']) }
      return { ...common(type, wire, clock, now), taskId, ...thrown }
    }
    case 'task-rejected':
      return { ...common(type, wire, clock, now), taskId, requeue: flag(wire['requeue']) }
    case 'task-revoked': {
      const { signum } = wire
      return {
        ...common(type, wire, clock, now),
        taskId,
        terminated: flag(wire['terminated']),
        signum: typeof signum === 'number' || typeof signum === 'string' ? signum : undefined,
        expired: flag(wire['expired']),
      }
    }
    default:
      return undefined
  }
}

function common<T extends string>(type: T, wire: WireEvent, clock: number, now: number): EventOf<T> {
  const { hostname, timestamp, pid } = wire
  return { type, hostname, timestampMs: timestamp * 1000, receivedAtMs: now, clock, pid: number(pid), wire }
}

function introduction(wire: WireEvent): Introduction {
  return {
    name: string(wire['name']),
    args: string(wire['args']),
    kwargs: string(wire['kwargs']),
    rootId: string(wire['root_id']),
    parentId: string(wire['parent_id']),
    retries: number(wire['retries']),
    eta: string(wire['eta']),
    expires: string(wire['expires']),
  }
}

function isWorkerType(type: string): type is WorkerEvent['type'] {
  return type === 'worker-heartbeat' || type === 'worker-online' || type === 'worker-offline'
}

function workerFields(wire: WireEvent): Omit<WorkerEvent, keyof EventOf<string>> {
  const { loadavg } = wire
  return {
    freq: number(wire['freq']),
    active: number(wire['active']),
    processed: number(wire['processed']),
    loadavg: Array.isArray(loadavg) ? loadavg.map(Number) : undefined,
    swIdent: string(wire['sw_ident']),
    swVer: string(wire['sw_ver']),
    swSys: string(wire['sw_sys']),
  }
}

function parse({ body }: Message): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}
