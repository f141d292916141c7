import { type Fold, foldValue, maxDepth, type Place, type Scalar } from './fold-value.ts'
import { formatIsoDate } from './iso-date.ts'
import { ModelReference } from './model-reference.ts'
import { modelValue } from './model-value.ts'
import { Decimal, PlainDate, PlainTime, Uuid } from './typed-values.ts'

export { loadJson } from './load-json.ts'

/**
 * Writes JSON with kombu's typed values: Date as `datetime`, Uint8Array as `bytes` or `base64`, {@link Decimal},
 * {@link Uuid}, {@link PlainDate}, {@link PlainTime}, {@link ModelReference} as `model`; bigint as an exact integer and
 * NaN, Infinity and -Infinity as the tokens that Python writes and reads. Throws EncodeError for what is no data, with
 * its path.
 */
export function dumpJson(value: unknown): string {
  return stringifyPlain(value, 0) ?? foldValue(value, jsonFold)
}

/** Undefined for what is not plain, and for what threw on the way: the careful walk comes to it again and says where. */
function stringifyPlain(value: unknown, depth: number): string | undefined {
  try {
    return isPlain(value, depth) ? JSON.stringify(value) : undefined
  } catch {
    return undefined
  }
}

/** True if `JSON.stringify` writes the value as it should be. Reads as little as that needs: it is on the hot path. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return isPlainNumber(value)
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean' || value === undefined
  if (value === null) return true
  if (depth >= maxDepth) return false
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isPlain(value[index], depth + 1)) return false
    return (value as { readonly toJSON?: unknown }).toJSON === undefined
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  return isPlainRecord(value as Record<string, unknown>, depth + 1)
}

function isPlainRecord(record: Record<string, unknown>, depth: number): boolean {
  for (const key in record) {
    if (key === '__type__' || !isPlain(record[key], depth)) return false
  }
  return true
}

function isPlainNumber(value: number): boolean {
  if (value >= -Number.MAX_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return value !== 0 || !Object.is(value, -0)
  return Math.abs(value) >= 1e21 && Number.isFinite(value)
}

const jsonFold: Fold<string> = {
  scalar: writeScalar,
  special: writeSpecial,
  list: (items) => `[${items.join(',')}]`,
  record(entries, place) {
    const names = entries.length === 2 ? entries.map(([name]) => name) : []
    if (names.includes('__type__') && names.includes('__value__')) {
      throw place.refuse('has exactly the keys __type__ and __value__, which mark typed values; rename one')
    }
    return `{${entries.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
  },
}

function writeScalar(value: Scalar, place: Place): string {
  if (typeof value === 'bigint') return writeBigint(value, place)
  if (typeof value !== 'number' || isPlainNumber(value)) return JSON.stringify(value)
  if (!Number.isFinite(value)) return String(value)
  // Integers beyond 2^53 are floats here; the fraction keeps them floats for the reader.
  return Object.is(value, -0) ? '-0.0' : `${value}.0`
}

function writeBigint(value: bigint, place: Place): string {
  const digits = String(value)
  if (digits.length > maxIntegerDigits) throw place.refuse(`has more than ${maxIntegerDigits} digits`)
  return digits
}

/** Python refuses to read longer ones. */
const maxIntegerDigits = 4300

function writeSpecial(value: object, place: Place): string | undefined {
  if (value instanceof Date) return typed('datetime', JSON.stringify(dateText(value, place)))
  if (value instanceof Uint8Array) return writeBytes(value)
  if (value instanceof ModelReference) return typed('model', foldValue(modelValue(value, place), jsonFold))
  if (value instanceof Decimal) return typed('decimal', JSON.stringify(value.text))
  if (value instanceof Uuid) return typed('uuid', `{"hex":"${value.text.replaceAll('-', '')}"}`)
  if (value instanceof PlainDate) return typed('date', JSON.stringify(value.text))
  if (value instanceof PlainTime) return typed('time', JSON.stringify(value.text))
  return stringifyPlain(value, place.depth)
}

function typed(type: string, text: string): string {
  return `{"__type__":"${type}","__value__":${text}}`
}

function dateText(date: Date, place: Place): string {
  const text = formatIsoDate(date)
  if (text === undefined) throw place.refuse('is an invalid Date or lies outside the years 1 to 9999')
  return text
}

function writeBytes(bytes: Uint8Array): string {
  const text = utf8(bytes)
  if (text !== undefined) return typed('bytes', JSON.stringify(text))
  return typed('base64', `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}"`)
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}
