import type { TaskState } from '../protocol/states.ts'
import type { TaskEvent } from '../protocol/cluster-event.ts'

/** Celery's precedence: a state that stands further left is not replaced by one further right. Others come after FAILURE. */
const precedence = ['SUCCESS', 'FAILURE', undefined, 'REVOKED', 'STARTED', 'RECEIVED', 'REJECTED', 'RETRY', 'PENDING']
const rankOfOthers = precedence.indexOf(undefined)

const stateOf: Readonly<Record<TaskEvent['type'], TaskState>> = {
  'task-sent': 'PENDING',
  'task-received': 'RECEIVED',
  'task-started': 'STARTED',
  'task-succeeded': 'SUCCESS',
  'task-failed': 'FAILURE',
  'task-retried': 'RETRY',
  'task-rejected': 'REJECTED',
  'task-revoked': 'REVOKED',
  'task-cancelled': 'CANCELLED',
}

/** What the events that were heard tell of a task. */
export interface TaskSnapshot {
  readonly taskId: string
  readonly state: TaskState
  /** When it entered its state, in ms since the epoch. */
  readonly timestampMs: number
  /** Logical time of its last event. */
  readonly clock: number
  /** Undefined as long as neither its sending nor its arrival was heard. */
  readonly name: string | undefined
  /** As Python shows them. */
  readonly args: string | undefined
  readonly kwargs: string | undefined
  /** Node name of the worker that has it or had it last. */
  readonly worker: string | undefined
  /** Node name of the program that sent it. */
  readonly client: string | undefined
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly retries: number | undefined
  /** ISO 8601. */
  readonly eta: string | undefined
  /** ISO 8601. */
  readonly expires: string | undefined
  readonly queue: string | undefined
  readonly exchange: string | undefined
  readonly routingKey: string | undefined
  readonly runtimeMs: number | undefined
  readonly result: string | undefined
  readonly exception: string | undefined
  readonly traceback: string | undefined
  /** When each thing happened to it last, in ms since the epoch. */
  readonly at: Readonly<Partial<Record<TaskEvent['type'], number>>>
}

export function newTask(taskId: string): TaskSnapshot {
  return { ...unknownTask, taskId }
}

/**
 * The task after an event. Events may come late, from several workers, in any order: one of an earlier state than the
 * task's fills in what it tells and leaves the state alone. After a retry everything is new.
 */
export function afterEvent(task: TaskSnapshot, event: TaskEvent): TaskSnapshot {
  const state = stateOf[event.type]
  const isLate = state !== 'RETRY' && task.state !== 'RETRY' && rank(state) > rank(task.state)
  return {
    ...task,
    ...known(event),
    ...(event.type === 'task-sent' ? { client: event.hostname } : { worker: event.hostname }),
    ...(!isLate && { state, timestampMs: event.timestampMs }),
    clock: Math.max(task.clock, event.clock),
    at: { ...task.at, [event.type]: event.timestampMs },
  }
}

/** What an event tells of its task. */
function known(event: TaskEvent): Partial<TaskSnapshot> {
  const { type: _type, hostname: _hostname, timestampMs: _time, receivedAtMs: _received, ...rest } = event
  const { clock: _clock, pid: _pid, wire: _wire, ...fields } = rest
  const told = Object.entries(fields).filter(([name, value]) => value !== undefined && name in unknownTask)
  return Object.fromEntries(told)
}

function rank(state: TaskState): number {
  const found = precedence.indexOf(state)
  return found === -1 ? rankOfOthers : found
}

const unknownTask: TaskSnapshot = {
  taskId: '',
  state: 'PENDING',
  timestampMs: 0,
  clock: 0,
  name: undefined,
  args: undefined,
  kwargs: undefined,
  worker: undefined,
  client: undefined,
  rootId: undefined,
  parentId: undefined,
  retries: undefined,
  eta: undefined,
  expires: undefined,
  queue: undefined,
  exchange: undefined,
  routingKey: undefined,
  runtimeMs: undefined,
  result: undefined,
  exception: undefined,
  traceback: undefined,
  at: {},
}
