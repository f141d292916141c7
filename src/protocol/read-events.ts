import { isRecord } from './describe-value.ts'
import type { Message } from './message.ts'

interface EventOf<T extends string> {
  readonly type: T
  /** Node name of the worker, or of the program that sent a task. */
  readonly hostname: string
  /** When it happened, by the sender's clock, in ms since the epoch. */
  readonly timestampMs: number
  /** When it was heard here, in ms since the epoch. */
  readonly receivedAtMs: number
  /** Logical time: by it events of one cluster can be put in order. */
  readonly clock: number
  readonly pid: number | undefined
  /** The event as it came, with Celery's names. */
  readonly wire: Readonly<Record<string, unknown>>
}

/** A worker begins, lives or ends. */
export interface WorkerEvent extends EventOf<'worker-online' | 'worker-heartbeat' | 'worker-offline'> {
  /** How often it sends heartbeats. Seconds. */
  readonly freq: number | undefined
  /** Tasks that run in it. */
  readonly active: number | undefined
  /** Tasks that ever began in it. */
  readonly processed: number | undefined
  readonly loadavg: readonly number[] | undefined
  /** Which software it is (`celeriac`, `py-celery`), its version, its operating system. */
  readonly swIdent: string | undefined
  readonly swVer: string | undefined
  readonly swSys: string | undefined
}

interface TaskEventOf<T extends string> extends EventOf<T> {
  readonly taskId: string
}

interface Introduction {
  readonly name: string | undefined
  /** As Python shows them. */
  readonly args: string | undefined
  readonly kwargs: string | undefined
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly retries: number | undefined
  /** ISO 8601. */
  readonly eta: string | undefined
  /** ISO 8601. */
  readonly expires: string | undefined
}

interface Thrown {
  /** As Python shows it: `ValueError('boom')`. */
  readonly exception: string | undefined
  readonly traceback: string | undefined
}

export interface TaskSentEvent extends TaskEventOf<'task-sent'>, Introduction {
  readonly queue: string | undefined
  readonly exchange: string | undefined
  readonly routingKey: string | undefined
}

export interface TaskReceivedEvent extends TaskEventOf<'task-received'>, Introduction {}

export interface TaskSucceededEvent extends TaskEventOf<'task-succeeded'> {
  /** As Python shows it. */
  readonly result: string | undefined
  readonly runtimeMs: number | undefined
}

export interface TaskRejectedEvent extends TaskEventOf<'task-rejected'> {
  readonly requeue: boolean | undefined
}

export interface TaskRevokedEvent extends TaskEventOf<'task-revoked'> {
  readonly terminated: boolean | undefined
  readonly signum: number | string | undefined
  readonly expired: boolean | undefined
}

/** What happens to a task. */
export type TaskEvent =
  | TaskSentEvent
  | TaskReceivedEvent
  | TaskEventOf<'task-started'>
  | TaskSucceededEvent
  | (TaskEventOf<'task-failed'> & Thrown)
  | (TaskEventOf<'task-retried'> & Thrown)
  | TaskRejectedEvent
  | TaskRevokedEvent
  | TaskEventOf<'task-cancelled'>

/** Anything else: events of a program's own, and what Celery's workers gossip. */
export interface CustomEvent extends EventOf<'custom'> {
  /** Such as `order-paid`. */
  readonly customType: string
  /** Of events such as `task-progress`. */
  readonly taskId: string | undefined
}

/** What workers tell of themselves and of their tasks. */
export type ClusterEvent = WorkerEvent | TaskEvent | CustomEvent
export type EventType = ClusterEvent['type']

type Wire = Readonly<Record<string, unknown>>

/** An event as it came, before the receiver has put it into its own time. */
export interface WireEvent {
  readonly type: string
  readonly hostname: string
  /** Seconds. */
  readonly timestamp: number
  readonly wire: Wire
}

/** The events of a message: one, or a list. What is no event is left out: whoever listens must survive anything. */
export function readEvents(message: Message): WireEvent[] {
  const body = parse(message)
  const found: WireEvent[] = []
  for (const wire of Array.isArray(body) ? (body as unknown[]) : [body]) {
    if (!isRecord(wire)) continue
    const { type, hostname, timestamp } = wire
    if (typeof type !== 'string' || typeof hostname !== 'string' || typeof timestamp !== 'number') continue
    found.push({ type, hostname, timestamp, wire })
  }
  return found
}

/** The event with its fields by our names. A field of another type than Celery's counts as missing. */
export function decodeEvent({ type, hostname, timestamp, wire }: WireEvent, clock: number, now: number): ClusterEvent {
  const common = {
    hostname,
    timestampMs: timestamp * 1000,
    receivedAtMs: now,
    clock,
    pid: number(wire['pid']),
    wire,
  }
  const taskId = string(wire['uuid'])
  if (isWorkerType(type)) return { type, ...common, ...workerFields(wire) }
  const task = taskId === undefined ? undefined : taskFields(type, wire)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields were chosen by the type
  if (task && taskId !== undefined) return { type, ...common, taskId, ...task } as TaskEvent
  return { type: 'custom', customType: type, ...common, taskId }
}

function isWorkerType(type: string): type is WorkerEvent['type'] {
  return type === 'worker-heartbeat' || type === 'worker-online' || type === 'worker-offline'
}

function workerFields(wire: Wire): Omit<WorkerEvent, keyof EventOf<string>> {
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

/** Undefined for an event that Celery does not have. */
function taskFields(type: string, wire: Wire): object | undefined {
  switch (type) {
    case 'task-sent':
      return {
        ...introduction(wire),
        queue: string(wire['queue']),
        exchange: string(wire['exchange']),
        routingKey: string(wire['routing_key']),
      }
    case 'task-received':
      return introduction(wire)
    case 'task-succeeded': {
      const runtime = number(wire['runtime'])
      return { result: string(wire['result']), runtimeMs: runtime === undefined ? undefined : runtime * 1000 }
    }
    case 'task-failed':
    case 'task-retried':
      return { exception: string(wire['exception']), traceback: string(wire['traceback']) }
    case 'task-rejected':
      return { requeue: flag(wire['requeue']) }
    case 'task-revoked': {
      const { signum } = wire
      return {
        terminated: flag(wire['terminated']),
        signum: typeof signum === 'number' || typeof signum === 'string' ? signum : undefined,
        expired: flag(wire['expired']),
      }
    }
    case 'task-started':
    case 'task-cancelled':
      return {}
    default:
      return undefined
  }
}

function introduction(wire: Wire): Introduction {
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
