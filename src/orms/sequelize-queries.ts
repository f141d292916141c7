import type { Key, KeyPart } from '../protocol/model-reference.ts'
import { keyValue, type KeyKind } from './key-values.ts'
import type { Attribute, RowModel } from './sequelize-types.ts'

/** Symbols of Sequelize's `Op` are global. */
const or = Symbol.for('or')

/**
 * The conditions of queries that together find all keys; none for keys that no row can have. Sequelize writes values
 * into the statement, so there may be many; SQLite limits the depth of an OR.
 */
export function conditions(model: RowModel, keys: readonly Key[]): readonly object[] {
  const names = model.primaryKeyAttributes
  const kinds = names.map((name) => kindOf(model.rawAttributes[name]))
  const [name] = names
  const values = keys.flatMap((key) => {
    const parts = (Array.isArray(key) ? (key as readonly KeyPart[]) : [key as KeyPart]).map((part, index) =>
      written(keyValue(kinds[index] ?? 'any', part)),
    )
    return parts.length === names.length && !parts.includes(undefined) ? [parts] : []
  })
  if (names.length === 1 && name !== undefined) return chunks(values, 5000).map((some) => ({ [name]: some.flat() }))
  return chunks(values, 500).map((some) => ({
    [or]: some.map((parts) => Object.fromEntries(names.map((part, index) => [part, parts[index]]))),
  }))
}

function kindOf(attribute: Attribute | undefined): KeyKind {
  const { key = '', _binary: isBinary } = attribute?.type ?? {}
  if (/^(TINYINT|SMALLINT|MEDIUMINT|INTEGER)$/.test(key)) return 'integer'
  if (key === 'BIGINT') return 'bigint'
  if (key === 'UUID') return 'uuid'
  if (key === 'DATE') return 'date'
  return /^(STRING|TEXT|CHAR|CITEXT)$/.test(key) && !isBinary ? 'text' : 'any'
}

/** Sequelize's types take no bigint and no Uint8Array. */
function written(part: KeyPart | undefined): KeyPart | undefined {
  if (typeof part === 'bigint') return String(part)
  return part instanceof Uint8Array ? Buffer.from(part) : part
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size))
}

/** `a.b` as Sequelize has it: `{ association: 'a', include: [{ association: 'b' }] }`. */
export function includes(paths: readonly string[]): readonly object[] {
  const byFirst = Map.groupBy(paths, (path) => path.split('.')[0] ?? path)
  return Array.from(byFirst, ([association, some]) => {
    const deeper = some.map((path) => path.slice(association.length + 1)).filter((path) => path !== '')
    return deeper.length > 0 ? { association, include: includes(deeper) } : { association }
  })
}
