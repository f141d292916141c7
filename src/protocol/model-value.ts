import { DecodeError } from '../errors.ts'
import { describeValue, isRecord } from './describe-value.ts'
import type { Place } from './fold-value.ts'
import { type Key, type KeyPart, ModelReference, type ReferenceExtra } from './model-reference.ts'
import { Decimal, PlainDate, PlainTime, Uuid } from './typed-values.ts'

const labelPattern = /^[^.]+\.[^.]+$/

/** What stands behind the marker `model`: `[label, key]`, and the extras if there are any. */
export function modelValue(reference: ModelReference, place: Place): unknown[] {
  const { label, key, extra } = reference
  if (typeof label !== 'string' || !labelPattern.test(label)) {
    throw place.refuse(`is a reference to the model ${describeValue(label)}; a label has one dot, as in shop.Order`)
  }
  const parts = Array.isArray(key) ? (key as readonly unknown[]) : [key]
  if (parts.length === 0 || !parts.every(isKeyPart)) throw place.refuse(`is a reference to ${label} without a key`)
  return Object.keys(extra).length === 0 ? [label, key] : [label, key, extra]
}

/** Throws DecodeError. Keys of types that rows hold as text (uuid, decimal, date, time) become their text. */
export function readModel(value: unknown): ModelReference {
  if (!Array.isArray(value) || value.length < 2) throw malformed('a list of label and key', value)
  const [label, key, extra] = value as unknown[]
  if (typeof label !== 'string' || !labelPattern.test(label)) throw malformed('a label such as shop.Order', label)
  return new ModelReference(label, readKey(key), extra === undefined || extra === null ? {} : readExtra(extra))
}

function readKey(key: unknown): Key {
  if (!Array.isArray(key)) return readKeyPart(key)
  if (key.length === 0) throw malformed('at least one key part', key)
  return key.map(readKeyPart)
}

function readKeyPart(part: unknown): KeyPart {
  if (part instanceof Uuid || part instanceof Decimal || part instanceof PlainDate || part instanceof PlainTime) {
    return part.text
  }
  if (!isKeyPart(part)) throw malformed('a key of number, text, boolean, date or bytes', part)
  return part
}

function isKeyPart(part: unknown): part is KeyPart {
  if (typeof part === 'number') return Number.isFinite(part)
  if (typeof part === 'string' || typeof part === 'bigint' || typeof part === 'boolean') return true
  return part instanceof Date || part instanceof Uint8Array
}

function readExtra(value: unknown): ReferenceExtra {
  if (!isRecord(value)) throw malformed('an object of extras', value)
  const { db, v, c } = value
  if (db !== undefined && typeof db !== 'string') throw malformed('a database alias in db', db)
  if (v !== undefined && typeof v !== 'string' && typeof v !== 'number') throw malformed('a version in v', v)
  return {
    ...(db === undefined ? {} : { db }),
    ...(v === undefined ? {} : { v }),
    ...(c === 1 ? { c } : {}),
  }
}

function malformed(expected: string, got: unknown): DecodeError {
  return new DecodeError(`A typed value "model" must hold ${expected}, got ${describeValue(got)}`)
}
