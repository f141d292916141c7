import type { Key, KeyPart } from '../protocol/model-reference.ts'
import { keyValue, type KeyKind } from './key-values.ts'
import type { EntityMetadata, EntityProperty } from './mikro-orm-types.ts'

/** True if each part of the primary key is one column: a column of its own, or a relation to a row with a simple key. */
export function hasFlatKey(metadata: EntityMetadata): boolean {
  return metadata.primaryKeys.every((name) => {
    const target = metadata.properties[name]?.targetMeta
    return !target || (target.primaryKeys.length === 1 && hasFlatKey(target))
  })
}

/** `undefined` for an entity that is not flushed yet. */
export function keyOf(metadata: EntityMetadata, entity: object): Key | undefined {
  const parts = metadata.primaryKeys.map((name) => keyPart(metadata, name, entity))
  if (parts.some((part) => part === undefined || part === null)) return undefined
  return (parts.length === 1 ? parts[0] : parts) as Key
}

/** Part of the key may be a relation: then it is the key of the related entity. */
function keyPart(metadata: EntityMetadata, name: string, entity: object): unknown {
  const value = (entity as Readonly<Record<string, unknown>>)[name]
  const target = metadata.properties[name]?.targetMeta
  if (!target || typeof value !== 'object' || value === null) return value
  return keyOf(target, unwrapped(value))
}

/** The entity inside a `Reference`, which travels as the entity does. */
export function unwrapped(value: object): object {
  if (!('__meta' in value) || '__entity' in value || !('unwrap' in value)) return value
  return typeof value.unwrap === 'function' ? (value as { unwrap(): object }).unwrap() : value
}

/**
 * The conditions of queries that together find all keys; none for keys that no row can have. MikroORM writes values
 * into the statement, so there may be many.
 */
export function conditions(metadata: EntityMetadata, keys: readonly Key[]): readonly object[] {
  const names = metadata.primaryKeys
  const kinds = names.map((name) => kindOf(metadata.properties[name]))
  const [name] = names
  const values = keys.flatMap((key) => {
    const parts = (Array.isArray(key) ? (key as readonly KeyPart[]) : [key as KeyPart]).map((part, index) =>
      keyValue(kinds[index] ?? 'any', part),
    )
    return parts.length === names.length && !parts.includes(undefined) ? [parts] : []
  })
  if (names.length > 1 || name === undefined) return chunks(values, 500)
  return chunks(values, 5000).map((some) => ({ [name]: { $in: some.flat() } }))
}

/** A property without a type of MikroORM's or the user's own holds what its column does. */
function kindOf(property: EntityProperty | undefined): KeyKind {
  const [related] = property?.targetMeta?.primaryKeys ?? []
  if (related !== undefined) return kindOf(property?.targetMeta?.properties[related])
  const { type, runtimeType, customType, columnTypes } = property ?? {}
  if (customType) return customType.constructor.name === 'BigIntType' ? 'bigint' : 'any'
  if (type === 'uuid') return 'uuid'
  const column = columnTypes?.[0] ?? ''
  if (runtimeType === 'number') return /int|serial/i.test(column) ? 'integer' : 'any'
  if (runtimeType === 'string') return /char|text/i.test(column) ? 'text' : 'any'
  return runtimeType === 'Date' ? 'date' : 'any'
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}

/** Text by which keys of rows and asked ones are matched roughly; the exact comparison is the caller's. */
export function foldedKey(key: Key): string {
  const parts = Array.isArray(key) ? (key as readonly KeyPart[]) : [key as KeyPart]
  return JSON.stringify(parts.map(foldedPart))
}

function foldedPart(part: KeyPart): string {
  if (part instanceof Date) return part.toISOString()
  if (part instanceof Uint8Array) return Buffer.from(part).toString('hex')
  return String(part).replaceAll('-', '').toLowerCase().trimEnd()
}
