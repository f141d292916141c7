import { randomUUID } from 'node:crypto'
import { DecodeError, EncodeError } from '../errors.ts'
import { decodeEnvelope, encodeEnvelope } from '../protocol/envelope.ts'
import type { Message, MessageProperties } from '../protocol/message.ts'
import type { Outgoing } from './broker.ts'
import type { RedisNames } from './redis-names.ts'

/** A message on its way into a list. A class and no literal for the garbage collector: see `Guarded` of `util/deadlines.ts`. */
export class Push {
  readonly queue: string
  readonly stepIndex: number
  readonly text: string

  constructor(queue: string, stepIndex: number, text: string) {
    this.queue = queue
    this.stepIndex = stepIndex
    this.text = text
  }
}

/** Of this process: no other has the random part. */
const tagBeginning = randomUUID().slice(0, 24)
let tags = 0

/** In the form of a UUID, as kombu's tags are, and as good as one at being unique. */
function nextTag(): string {
  return tagBeginning + (++tags).toString(16).padStart(12, '0')
}

/** Throws EncodeError for headers or a body that cannot be written. */
export function encodePush(names: RedisNames, { message, queue, deliverAt }: Outgoing): Push {
  const { body, properties } = message
  if (typeof body !== 'string' && !((body as unknown) instanceof Uint8Array)) {
    throw new EncodeError(`The body of a message must be text or bytes, got ${typeof body}`)
  }
  const address = { exchange: '', routingKey: queue, deliveryTag: nextTag() }
  const dueMs = deliverAt && deliverAt.getTime() > Date.now() ? deliverAt.getTime() : undefined
  const priority = wirePriority(properties.priority)
  if (priority === undefined) return new Push(queue, 0, encodeEnvelope(message, address, dueMs))
  const turned = { ...message, properties: { ...properties, priority } }
  return new Push(queue, names.stepIndex(priority), encodeEnvelope(turned, address, dueMs))
}

/** On Redis 0 is the highest priority (celery-wire 3.3). Undefined stays so: then it goes to the first list, as Celery's do. */
function wirePriority(priority: number | undefined): number | undefined {
  if (priority === undefined || Number.isNaN(priority)) return undefined
  return 9 - Math.min(9, Math.max(0, Math.trunc(priority)))
}

export interface Taken {
  readonly message: Message
  /** This delivery included. */
  readonly deliveryCount: number
  readonly dueMs: number | undefined
}

/** Throws DecodeError, with the reason. */
export function decodeTaken(text: string): Taken {
  const { message, redelivered, deliveries, dueMs } = decodeEnvelope(text)
  const { priority } = message.properties
  const isPlain = priority === undefined && !redelivered
  return {
    message: isPlain ? message : asSent(message, redelivered),
    // kombu flags what it returns, without a number.
    deliveryCount: 1 + (deliveries === 0 && redelivered ? 1 : deliveries),
    dueMs,
  }
}

/** Without the header by which kombu tells a second delivery, and with the priority as it is on all brokers. */
function asSent(message: Message, redelivered: boolean): Message {
  const { headers, properties } = message
  const { priority } = properties
  const turned: MessageProperties =
    priority === undefined ? properties : { ...properties, priority: 9 - Math.min(9, Math.max(0, priority)) }
  return { ...message, headers: redelivered ? withoutFlag(headers) : headers, properties: turned }
}

function withoutFlag(headers: Message['headers']): Message['headers'] {
  const { redelivered: _, ...others } = headers
  return others
}

/** What stands behind the envelope in the record of a message that was taken from `queue`; the first character is `[`. */
export function recordEnding(queue: string): string {
  return `, "", ${JSON.stringify(queue)}]`
}

/** What cannot be read, as it is kept among the dead letters: every byte of it. */
export function unreadableMessage(bytes: Buffer): Message {
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(bytes)
  return {
    headers: { 'x-celeriac-unreadable': true },
    properties: {},
    contentType: 'application/octet-stream',
    contentEncoding: isText ? 'utf-8' : 'binary',
    body: isText ? text : bytes,
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof DecodeError || error instanceof Error ? error.message : String(error)
}
