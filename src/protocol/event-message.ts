import { encodeEta, type TaskHeaders } from './task-message.ts'
import type { Message } from './message.ts'
import { reprArgs } from './python-repr.ts'
import type { RemoteError } from './remote-error.ts'
import { jsonOfRepeated } from './repeated-text.ts'

/** How much of a result, an error or a traceback an event shows. Characters. */
const mostShown = 1024
const mostTraceback = 16_384

/** Pieces of JSON that are joined in the end: that takes less time than to add text to text. */
export type Pieces = string[]

/** Writes the members that an event has of its own, each with a comma in front. */
export type WriteFields<A, B> = (into: Pieces, subject: A, more: B) => void

/** What every event of a process begins with, as members up to its type (celery-wire 8.2). */
export function eventPrefix(hostname: string, pid: number, now: Date = new Date()): string {
  // Hours west of UTC, rounded down as Python does.
  const utcOffset = Math.floor(now.getTimezoneOffset() / 60)
  return `"hostname":${JSON.stringify(hostname)},"utcoffset":${utcOffset},"pid":${pid},"type":"`
}

/** An event up to its clock. The type is written as it is: it must need no escapes. Joined, because many have it. */
export function eventHead(prefix: string, type: string, timestampMs: number): string {
  return [prefix, type, '","timestamp":', String(timestampMs / 1000), ',"clock":'].join('')
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

export function workerFields(into: Pieces, { freq, load, version, system }: WorkerFigures): void {
  into.push(`,"freq":${freq}`)
  if (load)
    into.push(`,"active":${load.active},"processed":${load.processed},"loadavg":${JSON.stringify(load.loadavg)}`)
  into.push(`,"sw_ident":"celeriac","sw_ver":${JSON.stringify(version)},"sw_sys":${JSON.stringify(system)}`)
}

interface ShownArguments {
  readonly argsRepr: string | undefined
  readonly kwargsRepr: string | undefined
}

/** Of a call without options. */
const plainRest = ',"kwargs":"{}","parent_id":null,"retries":0,"eta":null,"expires":null'

/** Of `task-received`. `uuid`: the id as JSON. */
export function receivedFields(
  into: Pieces,
  uuid: string,
  headers: TaskHeaders,
  { argsRepr = '', kwargsRepr = '' }: ShownArguments,
): void {
  const { id, task, rootId, parentId, retries, eta, expires } = headers
  const root = rootId === id ? uuid : text(rootId)
  into.push(',"uuid":', uuid, ',"root_id":', root, ',"name":', jsonOfRepeated(task), ',"args":', text(argsRepr))
  const isPlain = kwargsRepr === '{}' && parentId === undefined && retries === 0
  if (isPlain && eta === undefined && expires === undefined) into.push(plainRest)
  else
    into.push(
      `,"kwargs":${text(kwargsRepr)},"parent_id":${text(parentId)},"retries":${retries}`,
      `,"eta":${time(eta)},"expires":${time(expires)}`,
    )
}

/** Of `task-sent`, from the headers of the message. */
export function sentFields(into: Pieces, headers: Readonly<Record<string, unknown>>, queue: string): void {
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
  into.push(',', JSON.stringify(members).slice(1, -1))
}

/** Of `task-started` and `task-cancelled`. */
export function idField(into: Pieces, uuid: string): void {
  into.push(',"uuid":', uuid)
}

export function succeededFields(
  into: Pieces,
  uuid: string,
  { resultRepr, runtimeMs }: { readonly resultRepr: string; readonly runtimeMs: number },
): void {
  // Whole microseconds: a fraction takes several times as long to be written.
  const runtimeUs = String(Math.round(runtimeMs * 1000))
  into.push(',"uuid":', uuid, ',"result":', text(resultRepr), ',"runtime":', runtimeUs, 'e-6')
}

/** Of `task-failed` and `task-retried`. */
export function failedFields(into: Pieces, uuid: string, error: RemoteError): void {
  const traceback = error.traceback?.slice(0, mostTraceback)
  into.push(',"uuid":', uuid, ',"exception":', text(reprError(error)))
  if (traceback !== undefined) into.push(',"traceback":', text(traceback))
}

export function rejectedFields(into: Pieces, uuid: string, requeue: boolean): void {
  into.push(`,"uuid":${uuid},"requeue":${requeue}`)
}

export interface RevokedHow {
  readonly terminated: boolean
  readonly signum: number | null
  readonly expired: boolean
}

export function revokedFields(into: Pieces, uuid: string, { terminated, signum, expired }: RevokedHow): void {
  into.push(`,"uuid":${uuid},"terminated":${terminated},"signum":${signum},"expired":${expired}`)
}

/** An event of the user's own: any data. Undefined for what is no JSON. */
export function customFields(fields: Readonly<Record<string, unknown>>): string | undefined {
  try {
    const members = JSON.stringify(fields).slice(1, -1)
    return members === '' ? '' : `,${members}`
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
