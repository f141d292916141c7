import type { KeyPart } from '../protocol/model-reference.ts'

/** What a key column holds, where an ORM or its database refuses anything else. A `day` is a date of midnight in UTC. */
export type KeyKind = 'int32' | 'integer' | 'bigint' | 'uuid' | 'text' | 'date' | 'day' | 'any'

const whole = /^-?\d+$/
const uuid = /^[\da-f]{8}(-?)[\da-f]{4}\1[\da-f]{4}\1[\da-f]{4}\1[\da-f]{12}$/i

/**
 * A part of a key as its column takes it: keys of messages come as numbers, text or bigints. `undefined` if no row can
 * have it, so that a key that is none of its kind is a missing row, never an error of the query.
 */
export function keyValue(kind: KeyKind, part: KeyPart): KeyPart | undefined {
  switch (kind) {
    case 'int32':
      return wholeNumber(part, (number) => number === (number | 0))
    case 'integer':
      return wholeNumber(part, Number.isSafeInteger)
    case 'bigint':
      return typeof part !== 'object' && whole.test(String(part)) ? inRange(BigInt(part)) : undefined
    case 'uuid':
      return typeof part === 'string' && uuid.test(part) ? part : undefined
    case 'text':
      return typeof part === 'object' ? undefined : String(part)
    case 'date':
    case 'day':
      return dateValue(part)
    case 'any':
      return part
  }
}

function wholeNumber(part: KeyPart, accepts: (number: number) => boolean): number | undefined {
  if (typeof part === 'object' || !whole.test(String(part))) return undefined
  const number = Number(part)
  return accepts(number) ? number : undefined
}

function inRange(value: bigint): bigint | undefined {
  return BigInt.asIntN(64, value) === value ? value : undefined
}

function dateValue(part: KeyPart): Date | undefined {
  if (part instanceof Date) return part
  const date = typeof part === 'string' ? new Date(part) : undefined
  return date && !Number.isNaN(date.getTime()) ? date : undefined
}

/** A part of a row's key as it travels: days as Python writes them. */
export function keyPart(kind: KeyKind | undefined, value: unknown): unknown {
  return kind === 'day' && value instanceof Date ? value.toISOString().slice(0, 10) : value
}
