import { isRecord } from './describe-value.ts'
import type { Message } from './message.ts'
import { dumpJson, loadJson } from './typed-json.ts'

/** Where a reply goes. */
interface ReplyAddress {
  readonly exchange: string
  readonly routingKey: string
}

/** A remote-control request, as kombu's pidbox sends it (celery-wire 9.1). */
export interface ControlRequest {
  readonly method: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Node names; undefined: every worker that `pattern` fits. */
  readonly destination: readonly string[] | undefined
  /** Of node names, read as `matcher` says: `glob` or `pcre`. Undefined: every worker. */
  readonly pattern?: string | undefined
  readonly matcher?: string | undefined
  /** Undefined: no reply is wanted. */
  readonly replyTo?: ReplyAddress | undefined
  /** Comes back with the reply. */
  readonly ticket?: string | undefined
}

/** What one worker answered. */
export interface ControlReply {
  readonly node: string
  readonly value: unknown
}

/** How a body is written and read. */
export interface BodyForm {
  dump(value: unknown): Pick<Message, 'contentType' | 'contentEncoding' | 'body'>
  /** Throws DecodeError. */
  load(message: Message): unknown
}

export const jsonForm: BodyForm = {
  dump: (value) => ({ contentType: 'application/json', contentEncoding: 'utf-8', body: dumpJson(value) }),
  load: ({ body }) => loadJson(typeof body === 'string' ? body : new TextDecoder().decode(body)),
}

export interface RequestStamp {
  /** Of the sender's mailbox. */
  readonly clock?: number
  /** When the sender no longer waits, in seconds since 1970; 0: never. */
  readonly expires?: number
  /** The sender stores by itself that the tasks are revoked. */
  readonly isStored?: boolean
}

/** On a revoke whose sender stores REVOKED by itself, so that not every worker has to. */
const storedHeader = 'celeriac-stored'

export function encodeControlRequest(
  request: ControlRequest,
  { clock = 1, expires = 0, isStored = false }: RequestStamp = {},
  form: BodyForm = jsonForm,
): Message {
  const { method, arguments: args, destination = null, pattern = null, matcher = null, replyTo, ticket } = request
  const reply = replyTo && { ticket, reply_to: { exchange: replyTo.exchange, routing_key: replyTo.routingKey } }
  return {
    headers: { clock, expires, ...(isStored && { [storedHeader]: true }) },
    properties: { deliveryMode: 2 },
    ...form.dump({ method, arguments: args, destination, pattern, matcher, ...reply }),
  }
}

/** Undefined for what is no request: whoever listens must survive anything on the channel. */
export function decodeControlRequest(message: Message, form: BodyForm = jsonForm): ControlRequest | undefined {
  const body = loaded(message, form)
  if (!isRecord(body) || typeof body['method'] !== 'string') return undefined
  const { method, arguments: args, destination, pattern, matcher, reply_to: replyTo, ticket } = body
  return {
    method,
    arguments: isRecord(args) ? args : {},
    // An empty list is as none.
    destination: Array.isArray(destination) && destination.length > 0 ? destination.map(String) : undefined,
    pattern: typeof pattern === 'string' ? pattern : undefined,
    matcher: typeof matcher === 'string' ? matcher : undefined,
    replyTo: replyAddress(replyTo),
    ticket: typeof ticket === 'string' ? ticket : undefined,
  }
}

/** Whether the sender of a revoke stores by itself that the tasks are revoked. */
export function isStoredBySender({ headers }: Message): boolean {
  return headers[storedHeader] === true
}

export function encodeControlReply(
  { node, value }: ControlReply,
  { ticket, clock }: { readonly ticket: string | undefined; readonly clock: number },
  form: BodyForm = jsonForm,
): Message {
  return {
    headers: { ticket: ticket ?? null, clock },
    properties: { deliveryMode: 1 },
    ...form.dump({ [node]: value }),
  }
}

/** Undefined for what is no reply. Only `ticket` tells which request it answers; kombu before 2.5 gave none. */
export function decodeControlReply(
  message: Message,
  form: BodyForm = jsonForm,
): { readonly ticket: string | undefined; readonly replies: readonly ControlReply[] } | undefined {
  const body = loaded(message, form)
  if (!isRecord(body)) return undefined
  const { ticket } = message.headers
  return {
    ticket: typeof ticket === 'string' ? ticket : undefined,
    replies: Object.entries(body).map(([node, value]) => ({ node, value })),
  }
}

function loaded(message: Message, form: BodyForm): unknown {
  try {
    return form.load(message)
  } catch {
    return undefined
  }
}

function replyAddress(value: unknown): ReplyAddress | undefined {
  if (!isRecord(value) || typeof value['routing_key'] !== 'string') return undefined
  return { exchange: String(value['exchange']), routingKey: value['routing_key'] }
}

/** Whether a request is for this worker. */
export function isAddressedTo(
  { destination, pattern, matcher }: Pick<ControlRequest, 'destination' | 'pattern' | 'matcher'>,
  nodeName: string,
): boolean {
  if (destination) return destination.includes(nodeName)
  if (pattern === undefined || matcher === undefined) return true
  try {
    return (matcher === 'pcre' ? new RegExp(`^(?:${pattern})`) : globPattern(pattern)).test(nodeName)
  } catch {
    return false
  }
}

/** Python's fnmatch: `*`, `?`, `[abc]`, `[!abc]`. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '.*'
    if (part === '?') return '.'
    if (part.length > 1) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    return part.replace(/[\\^$.|+()[\]{}]/, String.raw`\$&`)
  })
  return new RegExp(`^${source}$`, 's')
}
