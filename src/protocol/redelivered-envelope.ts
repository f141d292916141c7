import { isRecord } from './describe-value.ts'
import { deliveriesKey } from './envelope.ts'

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

/** TypeScript's library does not know these parts of ES2026 yet. */
const { parse, rawJSON, isRawJSON } = JSON as unknown as {
  readonly parse: (text: string, reviver: Reviver) => unknown
  readonly rawJSON: (source: string) => unknown
  readonly isRawJSON: (value: unknown) => boolean
}

/** Numbers stay as they are written: `1.0` is no integer, and 2^64 has no double. */
const keepNumbers: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined ? rawJSON(source) : value

/**
 * The envelope of a message that is given out again, with kombu's two flags, and the number of times that it was given
 * out so far. Text that is no envelope comes back as it is: who takes it next says what is wrong with it.
 */
export function redeliveredEnvelope(text: string, deliveries: number): string {
  const envelope = parseExactly(text)
  if (isObject(envelope)) return JSON.stringify(flagged(envelope, deliveries))
  // Python writes NaN into headers: then the number has to do.
  if (!/^\{\s*"/.test(text)) return text
  const counted = new RegExp(`^\\{\\s*"${deliveriesKey}"\\s*:\\s*\\d+\\s*,`)
  return `{"${deliveriesKey}":${deliveries},${text.replace(counted, '{').slice(1)}`
}

/** What an entry of kombu's `unacked` holds; undefined if it is nothing of that kind. */
export interface UnackedRecord {
  readonly exchange: string
  readonly routingKey: string
  readonly wirePriority: number
  readonly deliveries: number
  /** The envelope to be given out again, with the flags and one delivery more. */
  readonly redelivered: string
}

/** Reads `[envelope, exchange, routing_key]`. */
export function readUnacked(text: string): UnackedRecord | undefined {
  const record = parseExactly(text)
  if (!Array.isArray(record) || record.length < 3) return undefined
  const [envelope, exchange, routingKey] = record as unknown[]
  if (!isObject(envelope) || typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined
  const plain = JSON.parse(JSON.stringify([envelope[deliveriesKey], priorityOf(envelope)])) as unknown[]
  const deliveries = typeof plain[0] === 'number' ? plain[0] : 0
  const wirePriority = Number(plain[1] ?? 0)
  return {
    exchange,
    routingKey,
    wirePriority: Number.isNaN(wirePriority) ? 0 : wirePriority,
    deliveries,
    redelivered: JSON.stringify(flagged(envelope, deliveries + 1)),
  }
}

function priorityOf(envelope: Readonly<Record<string, unknown>>): unknown {
  const { properties } = envelope
  return isObject(properties) ? properties['priority'] : undefined
}

function flagged(envelope: Readonly<Record<string, unknown>>, deliveries: number): Record<string, unknown> {
  const { headers, properties } = envelope
  const marked: Record<string, unknown> = { ...envelope, [deliveriesKey]: deliveries }
  if (isObject(headers)) marked['headers'] = { ...headers, redelivered: true }
  if (isObject(properties) && isObject(properties['delivery_info'])) {
    marked['properties'] = { ...properties, delivery_info: { ...properties['delivery_info'], redelivered: true } }
  }
  return marked
}

/** A number is an object here. */
function isObject(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && !isRawJSON(value)
}

function parseExactly(text: string): unknown {
  try {
    return parse(text, keepNumbers)
  } catch {
    return undefined
  }
}
