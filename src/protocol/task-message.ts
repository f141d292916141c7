import { DecodeError, EncodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import { transitHeaders, wireHeaders } from './header-names.ts'
import {
  readCount,
  readDate,
  readFlag,
  readName,
  readRecord,
  readText,
  readTexts,
  readTimeLimits,
} from './header-reader.ts'
import { formatIsoDate } from './iso-date.ts'
import type { Message } from './message.ts'
import { decodeHybridBody, decodeTaskBodyV1, type TaskBody } from './task-body.ts'

export { reservedHeaders } from './header-names.ts'

/** The headers of task protocol 2, decoded (celery-wire 1.3). */
export interface TaskHeaders {
  readonly task: string
  readonly id: string
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly group: string | undefined
  readonly groupIndex: number | undefined
  readonly retries: number
  readonly eta: Date | undefined
  readonly expires: Date | undefined
  /** Seconds. On the wire `timelimit` is `[hard, soft]`. */
  readonly hardTimeLimit: number | undefined
  /** Seconds. */
  readonly softTimeLimit: number | undefined
  readonly shadow: string | undefined
  readonly argsRepr: string | undefined
  readonly kwargsRepr: string | undefined
  readonly origin: string | undefined
  readonly ignoreResult: boolean | undefined
  readonly replacedTaskNesting: number
  readonly stampedHeaders: readonly string[] | undefined
  readonly stamps: Readonly<Record<string, unknown>>
  /** Headers of the caller's own, kept on retries. */
  readonly custom: Readonly<Record<string, unknown>>
}

/** A task as it came in. Protocol 2 bodies are decoded when they are asked for, once. */
export interface ReceivedTask {
  readonly headers: TaskHeaders
  readonly protocol: 1 | 2
  /** Throws DecodeError if the body is not what the protocol says. */
  body(): TaskBody
}

/** The headers as they travel, in Celery's order. Throws EncodeError for a custom header with a name of the protocol. */
export function encodeTaskHeaders(headers: TaskHeaders): Record<string, unknown> {
  const wire: Record<string, unknown> = {
    lang: 'js',
    task: headers.task,
    id: headers.id,
    shadow: headers.shadow ?? null,
    eta: headers.eta === undefined ? null : encodeEta(headers.eta),
    expires: headers.expires === undefined ? null : encodeEta(headers.expires),
    group: headers.group ?? null,
    group_index: headers.groupIndex ?? null,
    retries: headers.retries,
    timelimit: [headers.hardTimeLimit ?? null, headers.softTimeLimit ?? null],
    root_id: headers.rootId ?? null,
    parent_id: headers.parentId ?? null,
    argsrepr: headers.argsRepr ?? null,
    kwargsrepr: headers.kwargsRepr ?? null,
    origin: headers.origin ?? null,
    ignore_result: headers.ignoreResult ?? null,
    replaced_task_nesting: headers.replacedTaskNesting,
    stamped_headers: headers.stampedHeaders ?? null,
    stamps: headers.stamps,
  }
  for (const name in headers.custom) {
    if (wireHeaders.has(name)) throw new EncodeError(`A custom header cannot have the name ${name}; choose another`)
    setOwn(wire, name, headers.custom[name])
  }
  return wire
}

/** `YYYY-MM-DDTHH:mm:ss.SSS+00:00`; a Date that was read from a message and not changed since is written as it came. */
export function encodeEta(date: Date): string {
  const text = formatIsoDate(date)
  if (text === undefined)
    throw new EncodeError('A time in a task header is an invalid Date or outside the years 1 to 9999')
  return text
}

/** True for a message that says so in its headers, as protocol 2 does; whether another is a task, its body tells. */
export function isTaskMessage(message: Message): boolean {
  return typeof message.headers['task'] === 'string'
}

/**
 * Reads a task message of protocol 2 or 1. `loadBody` gives the deserialized body; it is called at once for protocol 1,
 * else by `body()`, and once at most. Throws DecodeError, naming the header, what was expected and what came.
 */
export function readTask(message: Message, loadBody: () => unknown): ReceivedTask {
  const { headers } = message
  if (headers['task'] !== undefined && !mayHoldFields(message)) {
    return new LazyTask(readHeaders(headers, customHeaders(headers), 'utc'), loadBody)
  }
  const body = loadBody()
  if (headers['task'] !== undefined && !isRecord(body)) {
    return new LazyTask(readHeaders(headers, customHeaders(headers), 'utc'), () => body)
  }
  if (!isRecord(body) || body['task'] === undefined) {
    if (headers['task'] === undefined) {
      throw new DecodeError(`The message is no task: no header task, and the body is ${describeValue(body)}`)
    }
  }
  return readFields(headers, isRecord(body) ? body : {})
}

/** Protocol 1 fields under headers of protocol 2, as Celery 3 and 4 sent them side by side, start with a brace. */
function mayHoldFields(message: Message): boolean {
  return typeof message.body === 'string' && /^\s*\{/.test(message.body)
}

function readFields(headers: Readonly<Record<string, unknown>>, body: Readonly<Record<string, unknown>>): ReceivedTask {
  const group = body['taskset'] ?? body['group']
  const fields = { ...body, group, ...headers }
  const decoded = readHeaders(fields, customHeaders(headers), body['utc'] === false ? 'local' : 'utc')
  const taskBody = decodeTaskBodyV1(body)
  return { headers: decoded, protocol: headers['task'] === undefined ? 1 : 2, body: () => taskBody }
}

class LazyTask implements ReceivedTask {
  readonly headers: TaskHeaders
  readonly protocol = 2
  readonly #loadBody: () => unknown
  #body: TaskBody | undefined

  constructor(headers: TaskHeaders, loadBody: () => unknown) {
    this.headers = headers
    this.#loadBody = loadBody
  }

  body(): TaskBody {
    return (this.#body ??= decodeHybridBody(this.#loadBody()))
  }
}

type Fields = Readonly<Record<string, unknown>>

function readHeaders(fields: Fields, custom: Fields, naive: 'utc' | 'local'): TaskHeaders {
  const limits = readTimeLimits(fields)
  return {
    task: readName(fields, 'task'),
    id: readName(fields, 'id'),
    rootId: readText(fields, 'root_id'),
    parentId: readText(fields, 'parent_id'),
    group: readText(fields, 'group'),
    groupIndex: readCount(fields, 'group_index'),
    retries: readCount(fields, 'retries') ?? 0,
    eta: readDate(fields, 'eta', naive),
    expires: readDate(fields, 'expires', naive),
    hardTimeLimit: limits.hard,
    softTimeLimit: limits.soft,
    shadow: readText(fields, 'shadow'),
    argsRepr: readText(fields, 'argsrepr'),
    kwargsRepr: readText(fields, 'kwargsrepr'),
    origin: readText(fields, 'origin'),
    ignoreResult: readFlag(fields, 'ignore_result'),
    replacedTaskNesting: readCount(fields, 'replaced_task_nesting') ?? 0,
    stampedHeaders: readTexts(fields, 'stamped_headers'),
    stamps: readRecord(fields, 'stamps'),
    custom,
  }
}

const noHeaders: Fields = Object.freeze({})

function customHeaders(headers: Fields): Fields {
  let custom: Record<string, unknown> | undefined
  for (const name in headers) {
    if (wireHeaders.has(name) || transitHeaders.has(name)) continue
    custom ??= {}
    setOwn(custom, name, headers[name])
  }
  return custom ?? noHeaders
}

/** An assignment to `__proto__` would change the prototype. */
function setOwn(record: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true })
  else record[name] = value
}
