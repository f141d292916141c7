import { ImproperlyConfigured } from '../errors.ts'
import type { Key, KeyPart } from '../protocol/model-reference.ts'
import { tableId, type DrizzleModel } from './drizzle-tables.ts'
import type { DrizzleColumn, DrizzleHandle, RelationalBuilder } from './drizzle-types.ts'
import type { TableRelations } from './drizzle-rows.ts'
import { keyValue } from './key-values.ts'
import type { FetchOptions, SqlDialect } from './orm-adapter.ts'
import { keyParts } from './plain-rows.ts'

/** The `sql` tag at run time. */
export interface DrizzleSql {
  (strings: TemplateStringsArray, ...values: unknown[]): object
  raw(text: string): object
  param(value: unknown, encoder?: object): object
  join(chunks: readonly unknown[], separator?: object): object
}

/** Values of one key, one for each key column. */
type Values = readonly KeyPart[]

export interface Reading {
  readonly handle: DrizzleHandle
  readonly sql: DrizzleSql
  readonly model: DrizzleModel
  readonly relations: TableRelations
  readonly dialect: SqlDialect
  readonly options: FetchOptions
}

/** The rows of these keys. Throws ImproperlyConfigured for what Drizzle or the database cannot do. */
export async function readRows(keys: readonly Key[], reading: Reading): Promise<object[]> {
  const { model, options } = reading
  const size = Math.floor(5000 / model.info.key.length)
  const values = valuesOf(model, keys)
  const rows: object[] = []
  for (let start = 0; start < values.length; start += size) {
    const part = values.slice(start, start + size)
    const isRelational = options.relations !== undefined && options.relations.length > 0
    if (!isRelational || options.lock) {
      const plain = await select(part, reading)
      if (!isRelational) rows.push(...plain)
    }
    if (isRelational) rows.push(...(await selectRelated(part, reading)))
  }
  return rows
}

/** Columns encode what they take, and databases refuse a whole query for one value: such a key is a missing row. */
function valuesOf(model: DrizzleModel, keys: readonly Key[]): readonly Values[] {
  return keys.flatMap((key) => {
    const values = keyParts(key).map((part, index) => keyValue(model.kinds[index] ?? 'any', part))
    return values.includes(undefined) ? [] : [values as Values]
  })
}

async function select(keys: readonly Values[], reading: Reading): Promise<object[]> {
  const { handle, sql, model, dialect, options } = reading
  const matches = condition(keys, model.columns, reading)
  const query = handle.select().from(model.table).where(matches)
  if (!options.lock) return query
  if (!query.for) {
    throw new ImproperlyConfigured(`lock: SQLite has no row locks, so ${model.info.label} cannot be locked`)
  }
  if (dialect !== 'mysql' || options.lock === 'update') return query.for(options.lock)
  // Drizzle writes FOR SHARE, which MariaDB does not know
  await handle.execute?.(sql`select 1 from ${model.table} where ${matches} lock in share mode`)
  return query
}

function selectRelated(keys: readonly Values[], reading: Reading): PromiseLike<object[]> {
  const { handle, model, relations, options } = reading
  const builder = relationalBuilder(handle, model)
  const related = withRelations(options.relations ?? [], tableId(model.table), relations, model.info.label)
  const where = (columns: DrizzleModel['columns']): object => condition(keys, columns, reading)
  return builder.findMany({ with: related, where: handle._.relations ? { RAW: where } : where })
}

function relationalBuilder(handle: DrizzleHandle, model: DrizzleModel): RelationalBuilder {
  const builders = Object.values(handle.query ?? {})
  const builder = builders.find(
    (known) => tableId((known as { readonly table?: unknown }).table) === tableId(model.table),
  )
  if (builder) return builder
  throw new ImproperlyConfigured(
    `with: ${model.info.label} has no relations; give them to Drizzle as 'relations', before 1.0 as 'schema'`,
  )
}

/** `a.b` as Drizzle has it: `{ a: { with: { b: true } } }`. */
function withRelations(
  paths: readonly string[],
  table: string,
  relations: TableRelations,
  label: string,
): Readonly<Record<string, unknown>> {
  const byFirst = Map.groupBy(paths, (path) => path.split('.')[0] ?? path)
  const entries = Array.from(byFirst, ([first, group]): [string, unknown] => {
    const target = relations.get(table)?.get(first)
    if (target === undefined) {
      const known = [...(relations.get(table)?.keys() ?? [])].join(', ') || 'none'
      throw new ImproperlyConfigured(`with: ${label} has no relation '${first}'; it has: ${known}`)
    }
    const rest = group.flatMap((path) => (path.includes('.') ? [path.slice(path.indexOf('.') + 1)] : []))
    return [first, rest.length === 0 ? true : { with: withRelations(rest, target, relations, `${label}.${first}`) }]
  })
  return Object.fromEntries(entries)
}

/** `columns` are those of the table, or of its alias in a relational query. */
function condition(keys: readonly Values[], columns: DrizzleModel['columns'], reading: Reading): object {
  const { sql, model, options } = reading
  const names = model.info.key
  const places = names.map((name) => columns[name])
  const values = keys.map((key) => key.map((value, index) => sql.param(value, encoderOf(model, names[index]))))
  const matches = names.length === 1 ? sql`${places[0]} in ${values.flat()}` : matchesRow(places, values, reading)
  const hidden = options.hideDeleted === true && model.deletedAt ? nameIn(model, model.deletedAt) : undefined
  return hidden === undefined ? matches : sql`${matches} and ${columns[hidden]} is null`
}

/** SQLite compares rows with a subquery only. */
function matchesRow(
  places: readonly unknown[],
  values: readonly (readonly object[])[],
  { sql, dialect }: Reading,
): object {
  if (dialect !== 'sqlite') return sql`${places} in ${values}`
  return sql`${places} in (values ${sql.join(values, sql.raw(', '))})`
}

function encoderOf({ columns }: DrizzleModel, name: string | undefined): DrizzleColumn | undefined {
  return name === undefined ? undefined : columns[name]
}

function nameIn({ columns }: DrizzleModel, column: DrizzleColumn): string | undefined {
  return Object.keys(columns).find((name) => columns[name] === column)
}
