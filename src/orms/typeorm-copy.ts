import type { EntityMetadata, TypeOrmDataSource } from './typeorm-types.ts'

/**
 * True if an entity that was just read is its columns and nothing else, so that a second instance can be made without
 * a query: no eager or lazy relations, computed parts or listeners.
 */
export function isCopyable(metadata: EntityMetadata): boolean {
  return (
    metadata.relations.every((relation) => !relation.isEager && !relation.isLazy) &&
    metadata.relationIds.length === 0 &&
    (metadata.relationCounts ?? []).length === 0 &&
    metadata.afterLoadListeners.length === 0
  )
}

/** Programs add subscribers at any time. */
export function isListenedTo({ subscribers }: TypeOrmDataSource): boolean {
  return subscribers.some((subscriber) => 'afterLoad' in subscriber)
}

/**
 * A new entity with the same columns, or `undefined` if a column holds what a transformer made, such as a class, or if
 * relations were read with it.
 */
export function copyRow(metadata: EntityMetadata, row: object): object | undefined {
  const fields = row as Readonly<Record<string, unknown>>
  if (metadata.relations.some(({ propertyName }) => fields[propertyName] !== undefined)) return undefined
  const copy = metadata.create()
  for (const column of metadata.columns) {
    const value = column.getEntityValue(row)
    if (value === undefined) continue
    const copied = copyValue(value)
    if (copied === undefined) return undefined
    column.setEntityValue(copy, copied)
  }
  return copy
}

function copyValue(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return new Date(value)
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  return isPlain(value) ? structuredClone(value) : undefined
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isPlain)
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain)
}
