import { DecodeError, EncodeError } from '../errors.ts'
import type { Message, MessageProperties } from '../protocol/message.ts'
import { dumpJson, loadJson } from '../protocol/typed-json.ts'
import type { Outgoing } from './broker.ts'

/** A message on its way into the file. */
export interface Row {
  readonly queue: string
  /** 9 - priority: 0 is delivered first. */
  readonly rank: number
  /** Milliseconds since 1970; undefined: at once. */
  readonly dueMs: number | undefined
  readonly envelope: string
  readonly body: string | Uint8Array
}

/** Throws EncodeError for headers that cannot be written. */
export function encodeOutgoing({ message, queue, deliverAt }: Outgoing): Row {
  const { envelope, body } = encodeMessage(message)
  const dueMs = deliverAt && deliverAt.getTime() > Date.now() ? deliverAt.getTime() : undefined
  return { queue, rank: rankOf(message.properties.priority), dueMs, envelope, body }
}

function rankOf(priority: number | undefined): number {
  if (priority === undefined || Number.isNaN(priority)) return 9
  return 9 - Math.min(9, Math.max(0, Math.trunc(priority)))
}

/**
 * The envelope is a JSON list: headers, content type, content encoding, properties, and the body where it is no proper
 * text. Throws EncodeError for headers or a body that cannot be written.
 */
export function encodeMessage(message: Message): { readonly envelope: string; readonly body: string | Uint8Array } {
  const { headers, contentType, contentEncoding, properties, body } = message
  // One row that cannot be bound would fail with all that is written in its turn.
  if (typeof body !== 'string' && !((body as unknown) instanceof Uint8Array)) {
    throw new EncodeError(`The body of a message must be text or bytes, got ${typeof body}`)
  }
  // SQLite keeps text as UTF-8, which has no lone surrogates; JSON escapes them.
  if (typeof body === 'string' && !body.isWellFormed()) {
    return { envelope: dumpJson([headers, contentType, contentEncoding, properties, body]), body: '' }
  }
  return { envelope: dumpJson([headers, contentType, contentEncoding, properties]), body }
}

/** Empty for an envelope that cannot be read. */
export function readHeaders(envelope: string): Message['headers'] {
  try {
    return decodeMessage(envelope, '').headers
  } catch {
    return {}
  }
}

/** Throws DecodeError for an envelope that no release of celeriac wrote. */
export function decodeMessage(envelope: string, body: string | Uint8Array): Message {
  const parts = loadJson(envelope)
  if (!Array.isArray(parts)) throw new DecodeError('The envelope of the row is no list')
  const [headers, contentType, contentEncoding, properties, oddBody] = parts as unknown[]
  if (!isRecord(headers) || !isRecord(properties)) throw new DecodeError('The envelope of the row lacks headers')
  if (typeof contentType !== 'string' || typeof contentEncoding !== 'string') {
    throw new DecodeError('The envelope of the row lacks its content type')
  }
  return {
    headers,
    properties: properties as MessageProperties,
    contentType,
    contentEncoding,
    body: typeof oddBody === 'string' ? oddBody : body,
  }
}

/** What a row that cannot be read becomes among the dead letters: nothing of it is lost. */
export function unreadableMessage(envelope: string, body: string | Uint8Array): Message {
  return {
    headers: { 'x-celeriac-envelope': envelope },
    properties: {},
    contentType: 'application/octet-stream',
    contentEncoding: typeof body === 'string' ? 'utf-8' : 'binary',
    body,
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
