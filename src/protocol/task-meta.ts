import { DecodeError, EncodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import { formatIsoDate, parseIsoDate } from './iso-date.ts'
import { decodeRemoteError, encodeRemoteError, isRemoteError, type RemoteError } from './remote-error.ts'
import { decodeChildren, encodeChildren, type ChildGroup } from './result-tuple.ts'
import { isException, type TaskState } from './states.ts'

/** What is known of one task: the value behind a result backend's key. */
export interface TaskMeta {
  readonly taskId: string
  readonly status: TaskState
  /** The return value; a {@link RemoteError} in FAILURE, REVOKED and RETRY; the meta of STARTED and own states. */
  readonly result: unknown
  readonly traceback?: string | undefined
  /** Ids of the tasks it published. */
  readonly children?: readonly string[] | undefined
  /** Which of them are a group. Written, but not read. */
  readonly childGroups?: readonly ChildGroup[] | undefined
  /** Only in ready states. */
  readonly dateDone?: Date | undefined
  readonly groupId?: string | undefined
  readonly parentId?: string | undefined
  /** With `result_extended`. */
  readonly extended?: ExtendedMeta | undefined
}

interface ExtendedMeta {
  readonly name: string
  readonly args: unknown
  readonly kwargs: unknown
  readonly worker: string | undefined
  readonly retries: number
  readonly queue: string | undefined
  /** The values of the task's stamps by name. */
  readonly stamps?: Readonly<Record<string, unknown>> | undefined
}

/** The meta as it is stored, in Celery's order. `dump`: how it will be written, by default as JSON. */
export function encodeTaskMeta(meta: TaskMeta, dump?: (value: unknown) => unknown): Record<string, unknown> {
  const error = isException(meta.status) ? asError(meta.result) : undefined
  const wire: Record<string, unknown> = {
    status: meta.status,
    result: error === undefined ? (meta.result ?? null) : encodeRemoteError(error, dump),
    traceback: meta.traceback ?? error?.traceback ?? null,
    children: meta.children === undefined ? null : encodeChildren(meta.children, meta.childGroups ?? []),
    date_done: meta.dateDone === undefined ? null : encodeDate(meta.dateDone),
  }
  if (meta.groupId !== undefined) wire['group_id'] = meta.groupId
  if (meta.parentId !== undefined) wire['parent_id'] = meta.parentId
  if (meta.extended !== undefined) addExtended(wire, meta.extended)
  wire['task_id'] = meta.taskId
  return wire
}

function asError(result: unknown): RemoteError {
  return isRemoteError(result) ? result : decodeRemoteError(result)
}

function encodeDate(date: Date): string {
  const text = formatIsoDate(date)
  if (text === undefined) throw new EncodeError('dateDone is an invalid Date or outside the years 1 to 9999')
  return text
}

function addExtended(wire: Record<string, unknown>, extended: ExtendedMeta): void {
  wire['name'] = extended.name
  wire['args'] = extended.args ?? null
  wire['kwargs'] = extended.kwargs ?? null
  wire['worker'] = extended.worker ?? null
  wire['retries'] = extended.retries
  wire['queue'] = extended.queue ?? null
  if (extended.stamps !== undefined) addStamps(wire, extended.stamps)
}

/** Each stamp is a key of its own, as in Celery; one with the name of a field is left out rather than overwrite it. */
function addStamps(wire: Record<string, unknown>, stamps: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(stamps).filter((name) => !fields.has(name))
  wire['stamped_headers'] = names
  for (const name of names) wire[name] = stamps[name]
}

const fields: ReadonlySet<string> = new Set(
  (
    'status result traceback children date_done group_id parent_id name args kwargs worker retries queue ' +
    'stamped_headers task_id __proto__'
  ).split(' '),
)

/** Throws DecodeError unless `value` is an object with `status` and `task_id`; the rest may be missing. */
export function decodeTaskMeta(value: unknown): TaskMeta {
  if (!isRecord(value)) throw new DecodeError(`The meta of a task must be an object, got ${describeValue(value)}`)
  const status = requireText(value, 'status')
  const traceback = optionalText(value, 'traceback')
  const children = value['children']
  return {
    taskId: requireText(value, 'task_id'),
    status,
    result: isException(status) ? decodeRemoteError(value['result'], traceback) : (value['result'] ?? null),
    traceback,
    children: children === null || children === undefined ? undefined : decodeChildren(children),
    dateDone: readDateDone(value['date_done']),
    groupId: optionalText(value, 'group_id'),
    parentId: optionalText(value, 'parent_id'),
    extended: typeof value['name'] === 'string' ? readExtended(value, value['name']) : undefined,
  }
}

function readExtended(value: Record<string, unknown>, name: string): ExtendedMeta {
  const { args, kwargs, retries, stamped_headers: stamped } = value
  const stamps = Array.isArray(stamped) ? readStamps(value, stamped) : undefined
  return {
    name,
    args: args ?? null,
    kwargs: kwargs ?? null,
    worker: optionalText(value, 'worker'),
    retries: typeof retries === 'number' ? retries : 0,
    queue: optionalText(value, 'queue'),
    ...(stamps === undefined ? {} : { stamps }),
  }
}

function readStamps(value: Record<string, unknown>, names: readonly unknown[]): Record<string, unknown> {
  const stamps: Record<string, unknown> = {}
  for (const name of names) {
    if (typeof name === 'string' && !fields.has(name) && Object.hasOwn(value, name)) stamps[name] = value[name]
  }
  return stamps
}

/** Naive before Celery 5.5, and always UTC. */
function readDateDone(value: unknown): Date | undefined {
  if (value === null || value === undefined) return undefined
  if (value instanceof Date) return value
  const date = typeof value === 'string' ? parseIsoDate(value) : undefined
  if (date === undefined) throw malformed('date_done', 'an ISO 8601 date and time or null', value)
  return date
}

function requireText(value: Record<string, unknown>, name: string): string {
  const text = value[name]
  if (typeof text !== 'string' || text === '') throw malformed(name, 'a text', text)
  return text
}

function optionalText(value: Record<string, unknown>, name: string): string | undefined {
  const text = value[name]
  if (text === null || text === undefined) return undefined
  if (typeof text !== 'string') throw malformed(name, 'a text or null', text)
  return text
}

function malformed(name: string, expected: string, got: unknown): DecodeError {
  return new DecodeError(`The meta of a task must have ${expected} as ${name}, got ${describeValue(got)}`)
}
