import { encodeEta, type TaskHeaders } from './task-message.ts'
import type { Message } from './message.ts'
import { reprArgs } from './python-repr.ts'
import type { RemoteError } from './remote-error.ts'

/** How much of a result, an error or a traceback an event shows. Characters. */
const mostShown = 1024
const mostTraceback = 16_384

/** What every event of a process begins with, as JSON up to its clock (celery-wire 8.2). */
export function eventPrefix(hostname: string, pid: number, now: Date = new Date()): string {
  // Hours west of UTC, rounded down as Python does.
  const utcOffset = Math.floor(now.getTimezoneOffset() / 60)
  return `{"hostname":${JSON.stringify(hostname)},"utcoffset":${utcOffset},"pid":${pid},"clock":`
}

/**
 * One event as JSON. `fields` are members of the object, each with a comma after it; `timestamp` are seconds. The type is
 * written as it is: it must need no escapes.
 */
export function eventText(prefix: string, clock: number, fields: string, timestamp: string, type: string): string {
  return `${prefix}${clock},${fields}"timestamp":${timestamp},"type":"${type}"}`
}

/** One event, or several as one list, as they travel. */
export function eventMessage(hostname: string, body: string): Message {
  return {
    headers: { hostname },
    properties: { deliveryMode: 1, priority: 0 },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body,
  }
}

/** By which listeners choose. */
export function eventRoutingKey(type: string): string {
  return type.replaceAll('-', '.')
}

/** The routing key of a list of events of tasks. */
export const manyTaskEvents = 'task.multi'

export interface WorkerFigures {
  /** Seconds from one heartbeat to the next. */
  readonly freq: number
  /** Tasks that run, and that ever began to; not in the answer to remote control. */
  readonly load?: { readonly active: number; readonly processed: number; readonly loadavg: readonly number[] }
  readonly version: string
  readonly system: string
}

export function workerFields({ freq, load, version, system }: WorkerFigures): string {
  const figures = load
    ? `"active":${load.active},"processed":${load.processed},"loadavg":${JSON.stringify(load.loadavg)},`
    : ''
  return `"freq":${freq},${figures}"sw_ident":"celeriac","sw_ver":${JSON.stringify(version)},"sw_sys":${JSON.stringify(system)},`
}

interface ShownArguments {
  readonly argsRepr: string | undefined
  readonly kwargsRepr: string | undefined
}

/** Of `task-received`. `uuid`: the id as JSON. */
export function receivedFields(
  uuid: string,
  headers: TaskHeaders,
  { argsRepr = '', kwargsRepr = '' }: ShownArguments,
): string {
  const { id, task, rootId, parentId, retries, eta, expires } = headers
  return (
    `"uuid":${uuid},"name":${JSON.stringify(task)},"args":${JSON.stringify(argsRepr)},` +
    `"kwargs":${kwargsRepr === '{}' ? '"{}"' : JSON.stringify(kwargsRepr)},"root_id":${rootId === id ? uuid : text(rootId)},"parent_id":${text(parentId)},` +
    `"retries":${retries},"eta":${time(eta)},"expires":${time(expires)},`
  )
}

/** Of `task-sent`, from the headers of the message. */
export function sentFields(headers: Readonly<Record<string, unknown>>, queue: string): string {
  const { id, task, argsrepr, kwargsrepr, root_id: rootId, parent_id: parentId, retries, eta, expires } = headers
  const members = {
    uuid: id,
    root_id: rootId ?? null,
    parent_id: parentId ?? null,
    name: task,
    args: argsrepr ?? '',
    kwargs: kwargsrepr ?? '',
    retries: retries ?? 0,
    eta: eta ?? null,
    expires: expires ?? null,
    queue,
    exchange: '',
    routing_key: queue,
  }
  return `${JSON.stringify(members).slice(1, -1)},`
}

/** Of `task-started` and `task-cancelled`. */
export function idField(uuid: string): string {
  return `"uuid":${uuid},`
}

export function succeededFields(
  uuid: string,
  { resultRepr, runtimeMs }: { readonly resultRepr: string; readonly runtimeMs: number },
): string {
  return `"uuid":${uuid},"result":${JSON.stringify(resultRepr)},"runtime":${Math.round(runtimeMs * 1000) / 1e6},`
}

/** Of `task-failed` and `task-retried`. */
export function failedFields(uuid: string, error: RemoteError): string {
  const traceback = error.traceback?.slice(0, mostTraceback)
  return (
    `"uuid":${uuid},"exception":${JSON.stringify(reprError(error))},` +
    (traceback === undefined ? '' : `"traceback":${JSON.stringify(traceback)},`)
  )
}

export function rejectedFields(uuid: string, requeue: boolean): string {
  return `"uuid":${uuid},"requeue":${requeue},`
}

export interface RevokedHow {
  readonly terminated: boolean
  readonly signum: number | null
  readonly expired: boolean
}

export function revokedFields(uuid: string, { terminated, signum, expired }: RevokedHow): string {
  return `"uuid":${uuid},"terminated":${terminated},"signum":${signum},"expired":${expired},`
}

/** An event of the user's own: any data. Undefined for what is no JSON. */
export function customFields(fields: Readonly<Record<string, unknown>>): string | undefined {
  try {
    const members = JSON.stringify(fields).slice(1, -1)
    return members === '' ? '' : `${members},`
  } catch {
    return undefined
  }
}

/** `ValueError('boom', 42)`, as Python shows an exception. */
function reprError({ type, details }: RemoteError): string {
  const shown = reprArgs(details, { maxLength: mostShown })
  return type + (details.length === 1 ? shown.replace(/,\)$/, ')') : shown)
}

function text(value: string | undefined): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}

function time(date: Date | undefined): string {
  return date === undefined ? 'null' : JSON.stringify(encodeEta(date))
}
