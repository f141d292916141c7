import type { Key, KeyPart } from '../protocol/model-reference.ts'

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

/**
 * One text for every form in which a key may come: Python writes uuids without dashes, ORMs give big integers as
 * numbers, strings or bigints.
 */
export function keyText(key: Key): string {
  return isComposite(key) ? JSON.stringify(key.map(partText)) : partText(key)
}

function isComposite(key: Key): key is readonly KeyPart[] {
  return Array.isArray(key)
}

function isKeyPart(value: unknown): value is KeyPart {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean') return true
  return value instanceof Uint8Array || (value instanceof Date && !Number.isNaN(value.getTime()))
}

/** What is wrong with a key for a model with these key columns, if anything. */
export function keyProblem(key: unknown, names: readonly string[] | undefined): string | undefined {
  const parts: readonly unknown[] = Array.isArray(key) ? key : [key]
  if (parts.length === 0 || !parts.every(isKeyPart)) return 'is not made of numbers, strings, dates or bytes'
  if (names && parts.length !== names.length)
    return `has ${parts.length} parts instead of ${names.length} (${names.join(', ')})`
  return undefined
}

function partText(part: KeyPart): string {
  if (part instanceof Date) return part.toISOString()
  if (part instanceof Uint8Array) return `0x${Buffer.from(part).toString('hex')}`
  if (typeof part === 'string' && uuid.test(part)) return part.replaceAll('-', '').toLowerCase()
  return String(part)
}
