import { DecodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import { parseIsoDate } from './iso-date.ts'
import { readModel } from './model-value.ts'
import { Decimal, PlainDate, PlainTime, Uuid } from './typed-values.ts'

/**
 * Replaces kombu's markers, objects with exactly the keys `__type__` and `__value__`, by their values, in place and from
 * the leaves up. The value must be fresh from `JSON.parse` and not too deep for recursion.
 */
export function reviveTyped(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = reviveTyped(value[index])
    return value
  }
  const record = value as Record<string, unknown>
  const keys = Object.keys(record)
  for (const key of keys) {
    const member = record[key]
    if (typeof member !== 'object' || member === null) continue
    const revived = reviveTyped(member)
    if (revived !== member) setOwn(record, key, revived)
  }
  const isMarker = keys.length === 2 && Object.hasOwn(record, '__type__') && Object.hasOwn(record, '__value__')
  return isMarker ? readTyped(record['__type__'], record['__value__']) : record
}

/** An assignment to `__proto__` would change the prototype. */
function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true })
  } else record[key] = value
}

const readers: ReadonlyMap<unknown, (value: unknown) => unknown> = new Map<unknown, (value: unknown) => unknown>([
  ['datetime', readDatetime],
  ['date', (value) => new PlainDate(text('date', value).replace(/T00:00:00$/, ''))],
  ['time', (value) => new PlainTime(text('time', value))],
  ['decimal', (value) => new Decimal(text('decimal', value))],
  ['uuid', readUuid],
  ['bytes', readBytes],
  ['base64', readBase64],
  ['model', readModel],
])

function readTyped(type: unknown, value: unknown): unknown {
  const read = readers.get(type)
  if (read === undefined) {
    throw new DecodeError(`Unknown typed value ${describeValue(type)}; known are ${[...readers.keys()].join(', ')}`)
  }
  try {
    return read(value)
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError(`A typed value "${String(type)}" cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function malformed(type: string, expected: string, got: unknown): DecodeError {
  return new DecodeError(`A typed value "${type}" must hold ${expected}, got ${describeValue(got)}`)
}

function text(type: string, value: unknown): string {
  if (typeof value !== 'string') throw malformed(type, 'a text', value)
  return value
}

function readDatetime(value: unknown): Date {
  const date = parseIsoDate(text('datetime', value))
  if (date === undefined) throw malformed('datetime', 'an ISO 8601 date and time', value)
  return date
}

function readUuid(value: unknown): Uuid {
  const { hex, int } = isRecord(value) ? value : { hex: value, int: undefined }
  if (typeof hex === 'string') return new Uuid(hex)
  if (typeof int === 'number' || typeof int === 'bigint') return new Uuid(BigInt(int).toString(16).padStart(32, '0'))
  throw malformed('uuid', 'an object with hex', value)
}

const encoder = new TextEncoder()

function readBytes(value: unknown): Uint8Array {
  if (!text('bytes', value).isWellFormed()) throw malformed('bytes', 'a text that UTF-8 can hold', value)
  return encoder.encode(value as string)
}

function readBase64(value: unknown): Uint8Array {
  if (!/^[\w+/\s-]*={0,2}\s*$/.test(text('base64', value))) throw malformed('base64', 'base64', value)
  return new Uint8Array(Buffer.from(value as string, 'base64'))
}
