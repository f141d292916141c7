import { ImproperlyConfigured } from '../errors.ts'
import type { Key, KeyPart } from '../protocol/model-reference.ts'
import { keyValue } from './key-values.ts'
import type { FetchOptions, SqlDialect } from './orm-adapter.ts'
import { keyParts } from './plain-rows.ts'
import type { PrismaModel } from './prisma-models.ts'
import type { PrismaDelegate, PrismaHandle } from './prisma-types.ts'

/** Values of one key, one for each key field. */
type Values = readonly KeyPart[]

interface Reading {
  readonly handle: PrismaHandle
  readonly model: PrismaModel
  readonly models: ReadonlyMap<string, PrismaModel>
  readonly dialect: SqlDialect
  readonly options: FetchOptions
}

/** The rows of these keys. Throws ImproperlyConfigured for what Prisma or the database cannot do. */
export async function readRows(keys: readonly Key[], reading: Reading): Promise<object[]> {
  const { handle, model, dialect, options } = reading
  const query = { ...hiding(model, options), ...including(reading) }
  const delegate = (handle as unknown as Readonly<Record<string, PrismaDelegate>>)[model.delegate]
  const rows: object[] = []
  for (const part of chunks(valuesOf(model, keys), keysPerQuery(model, dialect))) {
    if (options.lock) await lockRows(part, reading)
    const where = { AND: [whereKeys(model.info.key, part), query.where] }
    rows.push(...((await delegate?.findMany({ ...query, where })) ?? []))
  }
  return rows
}

/** Prisma refuses a whole query for one value of the wrong type: such a key is a missing row. */
function valuesOf(model: PrismaModel, keys: readonly Key[]): readonly Values[] {
  return keys.flatMap((key) => {
    const values = keyParts(key).map((part, index) => keyValue(model.kinds[index] ?? 'any', part))
    return values.includes(undefined) ? [] : [values as Values]
  })
}

/** Prisma splits a list that is too long for the database, but no combination of conditions. */
function keysPerQuery({ info }: PrismaModel, dialect: SqlDialect): number {
  if (info.key.length === 1) return 5000
  return Math.floor((dialect === 'sqlite' ? 990 : 5000) / info.key.length)
}

function* chunks<T>(list: readonly T[], size: number): Iterable<readonly T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size)
}

function whereKeys(names: readonly string[], keys: readonly Values[]): object {
  const [name] = names
  if (names.length === 1 && name !== undefined) return { [name]: { in: keys.map(([value]) => value) } }
  return { OR: keys.map((values) => Object.fromEntries(names.map((part, index) => [part, values[index]]))) }
}

function hiding({ deletedAt }: PrismaModel, { hideDeleted }: FetchOptions): { readonly where: object } {
  return { where: hideDeleted === true && deletedAt !== undefined ? { [deletedAt]: null } : {} }
}

function including({ model, models, options }: Reading): object {
  const { relations } = options
  return relations && relations.length > 0 ? { include: includes(relations, model, models) } : {}
}

/** `a.b` as Prisma has it: `{ a: { include: { b: true } } }`. */
function includes(
  paths: readonly string[],
  model: PrismaModel | undefined,
  models: ReadonlyMap<string, PrismaModel>,
): Readonly<Record<string, unknown>> {
  const byFirst = Map.groupBy(paths, (path) => path.split('.')[0] ?? path)
  const entries = Array.from(byFirst, ([first, group]): [string, unknown] => {
    const target = model?.relations.get(first)
    if (target === undefined) {
      const known = [...(model?.relations.keys() ?? [])].join(', ') || 'none'
      throw new ImproperlyConfigured(`${model?.info.label} has no relation '${first}'; it has: ${known}`)
    }
    const rest = group.flatMap((path) => (path.includes('.') ? [path.slice(path.indexOf('.') + 1)] : []))
    return [first, rest.length === 0 ? true : { include: includes(rest, models.get(target), models) }]
  })
  return Object.fromEntries(entries)
}

/** Prisma has no locking read: the rows are locked by their keys first, and read then. */
async function lockRows(keys: readonly Values[], { handle, model, dialect, options }: Reading): Promise<void> {
  if (dialect === 'sqlite') {
    throw new ImproperlyConfigured(`lock: SQLite has no row locks, so ${model.info.label} cannot be locked`)
  }
  const quote = (name: string): string => (dialect === 'mysql' ? `\`${name}\`` : `"${name}"`)
  const columns = model.info.key.map((name) => {
    const field = model.runtime.fields.find((known) => known.name === name)
    return quote(field?.dbName ?? name)
  })
  const table = [model.runtime.schema, model.runtime.dbName ?? model.info.label.split('.')[1]].flatMap((name) =>
    name ? [quote(name)] : [],
  )
  let count = 0
  const places = keys.map((values) => `(${values.map(() => (dialect === 'mysql' ? '?' : `$${++count}`)).join(', ')})`)
  const shared = dialect === 'mysql' ? 'LOCK IN SHARE MODE' : 'FOR SHARE'
  const sql = `SELECT 1 AS locked FROM ${table.join('.')} WHERE (${columns.join(', ')}) IN (${places.join(', ')}) `
  await handle.$queryRawUnsafe(sql + (options.lock === 'update' ? 'FOR UPDATE' : shared), ...keys.flat())
}
