import { DecodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import { dumpHeaders } from './dump-headers.ts'
import type { Message, MessageProperties } from './message.ts'
import { jsonOfRepeated } from './repeated-text.ts'
import { loadJson } from './typed-json.ts'

/** Where a message goes on a store without exchanges of its own, and the tag it is known by there. */
export interface EnvelopeAddress {
  /** Empty: the routing key is the queue. */
  readonly exchange: string
  readonly routingKey: string
  /** Fresh for each copy: it is the key of the record of an unacknowledged message (celery-wire 2). */
  readonly deliveryTag: string
}

export interface OpenedEnvelope {
  readonly message: Message
  readonly address: EnvelopeAddress
  /** It was given out before. */
  readonly redelivered: boolean
  /** How often it was given out before, as far as celeriac returned it. */
  readonly deliveries: number
  /** Not to be given out before this time, milliseconds since 1970. */
  readonly dueMs: number | undefined
}

/** Keys of our own in an envelope. kombu carries them along, and has no use for them. */
const dueKey = 'celeriac-due'
export const deliveriesKey = 'celeriac-deliveries'

/**
 * kombu's envelope of virtual transports: one JSON object, the body in base64 (celery-wire 2). A time before which it is
 * not to be given out stands in front, where a script finds it without reading the rest. Throws EncodeError.
 */
export function encodeEnvelope(message: Message, address: EnvelopeAddress, dueMs?: number): string {
  const { body } = message
  const base64 = Buffer.from(body as string, typeof body === 'string' ? 'utf8' : undefined).toString('base64')
  const due = dueMs === undefined ? '' : `"${dueKey}":${dueMs},`
  return `{${due}"body":"${base64}${envelopeEnd(message, address)}`
}

/** What follows the body, with its closing quote. */
export function envelopeEnd(
  { headers, properties, contentType, contentEncoding }: Message,
  address: EnvelopeAddress,
): string {
  return (
    `","content-encoding":${jsonOfRepeated(contentEncoding)},` +
    `"content-type":${jsonOfRepeated(contentType)},"headers":${dumpHeaders(headers)},` +
    `"properties":${encodeProperties(properties, address)}}`
  )
}

/** Written by hand because it is on the hot path: as JSON.stringify would write it. */
function encodeProperties(
  properties: MessageProperties,
  { exchange, routingKey, deliveryTag }: EnvelopeAddress,
): string {
  const { correlationId, replyTo, deliveryMode, expiration, priority } = properties
  let text = '{'
  if (correlationId !== undefined) text += `"correlation_id":${JSON.stringify(correlationId)},`
  if (replyTo !== undefined) text += `"reply_to":${JSON.stringify(replyTo)},`
  if (deliveryMode !== undefined) text += `"delivery_mode":${deliveryMode},`
  if (expiration !== undefined) text += `"expiration":${JSON.stringify(expiration)},`
  text += `"delivery_info":{"exchange":${jsonOfRepeated(exchange)},"routing_key":${jsonOfRepeated(routingKey)}},`
  if (priority !== undefined) text += `"priority":${JSON.stringify(priority)},`
  return `${text}"body_encoding":"base64","delivery_tag":${JSON.stringify(deliveryTag)}}`
}

/** Throws DecodeError for text that is no envelope, naming what is wrong with it. */
export function decodeEnvelope(text: string): OpenedEnvelope {
  const envelope = loadJson(text)
  if (!isRecord(envelope)) throw new DecodeError(`An envelope must be a JSON object, got ${describeValue(envelope)}`)
  const { properties = {}, headers = {} } = envelope
  if (!isRecord(properties)) throw new DecodeError(`properties must be an object, got ${describeValue(properties)}`)
  if (!isRecord(headers)) throw new DecodeError(`headers must be an object, got ${describeValue(headers)}`)
  const contentType = textOf(envelope['content-type'], 'content-type') ?? missing('content-type')
  const contentEncoding = textOf(envelope['content-encoding'], 'content-encoding') ?? 'utf-8'
  const body = bodyOf(envelope['body'], properties['body_encoding'], contentEncoding, headers['compression'])
  const info = isRecord(properties['delivery_info']) ? properties['delivery_info'] : {}
  return {
    message: { headers, properties: propertiesOf(properties), contentType, contentEncoding, body },
    address: {
      exchange: textOf(info['exchange'], 'delivery_info.exchange') ?? '',
      routingKey: textOf(info['routing_key'], 'delivery_info.routing_key') ?? '',
      // Only kombu needs it: who takes a message gives it a tag of his own.
      deliveryTag: textOf(properties['delivery_tag'], 'delivery_tag') ?? '',
    },
    deliveries: countOf(envelope[deliveriesKey]),
    dueMs: typeof envelope[dueKey] === 'number' ? envelope[dueKey] : undefined,
    redelivered: info['redelivered'] === true || headers['redelivered'] === true,
  }
}

/** Text where it is text and not compressed, else bytes. */
function bodyOf(body: unknown, encoding: unknown, contentEncoding: string, compression: unknown): string | Uint8Array {
  if (typeof body !== 'string') throw new DecodeError(`body must be text, got ${describeValue(body)}`)
  const isBase64 = encoding !== undefined && encoding !== null && encoding !== 'utf-8'
  if (!isBase64) return body
  if (encoding !== 'base64')
    throw new DecodeError(`body_encoding must be 'base64' or 'utf-8', got ${describeValue(encoding)}`)
  const bytes = Buffer.from(body, 'base64')
  if (contentEncoding !== 'utf-8' || compression !== undefined) return bytes
  const text = bytes.toString('utf8')
  // Bytes that are no text stay bytes: the serializer says what is wrong with them.
  return text.includes('\uFFFD') && !Buffer.from(text).equals(bytes) ? bytes : text
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0
}

function propertiesOf(wire: Readonly<Record<string, unknown>>): MessageProperties {
  const correlationId = textOf(wire['correlation_id'], 'correlation_id')
  const replyTo = textOf(wire['reply_to'], 'reply_to')
  const expiration = textOf(wire['expiration'], 'expiration')
  const { priority, delivery_mode: deliveryMode } = wire
  if (replyTo === undefined && expiration === undefined && typeof priority !== 'number' && deliveryMode === 2) {
    // Most have no more than these, which a literal makes faster than spreads do.
    if (correlationId !== undefined) return { correlationId, deliveryMode }
  }
  return {
    ...(correlationId === undefined ? undefined : { correlationId }),
    ...(replyTo === undefined ? undefined : { replyTo }),
    ...(typeof priority === 'number' ? { priority } : undefined),
    ...(deliveryMode === 1 || deliveryMode === 2 ? { deliveryMode } : undefined),
    ...(expiration === undefined ? undefined : { expiration }),
  }
}

function textOf(value: unknown, name: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw new DecodeError(`${name} must be text, got ${describeValue(value)}`)
}

function missing(name: string): never {
  throw new DecodeError(`The envelope has no ${name}`)
}
