import { ImproperlyConfigured } from '../errors.ts'
import { describeValue, isRecord } from '../protocol/describe-value.ts'
import type { KeyKind } from './key-values.ts'
import type { ModelInfo, SqlDialect } from './orm-adapter.ts'
import type { OrmLabelOptions } from './orm-labels.ts'
import type { DrizzleColumn, DrizzleTable } from './drizzle-types.ts'

/** Drizzle names what it keeps in a table by global symbols. */
const symbol = (name: string): symbol => Symbol.for(`drizzle:${name}`)
const entityKind = symbol('entityKind')

export interface DrizzleModelOptions extends OrmLabelOptions {
  /** The tables whose rows may travel, by the second half of their label: `{ User: users }` travels as `shop.User`. */
  readonly models: Readonly<Record<string, object>>
  /** Key columns of tables that declare none, as the table calls them. */
  readonly keys?: Readonly<Record<string, string | readonly string[]>>
  /** The column that grows with each update, in the tables that have it. */
  readonly version?: string
  /** The column that is null in living rows, in the tables that have it: for `withDeleted: false`. */
  readonly deletedAt?: string
}

export interface DrizzleModel {
  readonly info: ModelInfo
  readonly version: string | undefined
  readonly deletedAt: DrizzleColumn | undefined
  readonly table: DrizzleTable
  readonly columns: Readonly<Record<string, DrizzleColumn>>
  readonly kinds: readonly KeyKind[]
}

/** The models by table. Throws ImproperlyConfigured for what is no table, or has no key. */
export function drizzleModels(options: DrizzleModelOptions, dialect: SqlDialect): ReadonlyMap<string, DrizzleModel> {
  if (!isRecord(options.models)) {
    const given = describeValue(options.models)
    throw new ImproperlyConfigured(
      `drizzle(…, { models }) must be tables by name, such as { Order: orders }; got ${given}`,
    )
  }
  const models = new Map<string, DrizzleModel>()
  for (const [name, table] of Object.entries(options.models))
    models.set(tableId(table), modelOf(name, table, options, dialect))
  checkColumn('version', options.version, models)
  checkColumn('deletedAt', options.deletedAt, models)
  return models
}

function checkColumn(option: string, column: string | undefined, models: ReadonlyMap<string, DrizzleModel>): void {
  if (column === undefined || [...models.values()].some(({ columns }) => Object.hasOwn(columns, column))) return
  throw new ImproperlyConfigured(`drizzle(…, { ${option} }) names the column ${column}, which none of the tables has`)
}

/** One for a table and its aliases; of what is no table, `undefined.undefined`, which no table has. */
export function tableId(table: unknown): string {
  const schema = property(table, symbol('Schema'))
  return `${typeof schema === 'string' ? schema : ''}.${String(property(table, symbol('OriginalName')))}`
}

export function isColumn(field: unknown): field is DrizzleColumn {
  return typeof field === 'object' && field !== null && 'getSQLType' in field && 'table' in field
}

function property(value: unknown, name: symbol): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<symbol, unknown>>)[name] : undefined
}

function modelOf(
  name: string,
  table: DrizzleTable,
  { app, aliases, keys, version, deletedAt }: DrizzleModelOptions,
  dialect: SqlDialect,
): DrizzleModel {
  const columns = property(table, symbol('Columns')) as DrizzleModel['columns'] | undefined
  if (!columns) throw new ImproperlyConfigured(`drizzle(): models.${name} must be a table of Drizzle`)
  const key = [keys?.[name] ?? keyOf(table, columns)].flat()
  const isKnown = key.length > 0 && key.every((part) => Object.hasOwn(columns, part))
  if (!isKnown) {
    const problem = key.length === 0 ? 'declares no primary key' : `has no column ${key.join(' or ')}`
    throw new ImproperlyConfigured(`drizzle(): the table of ${name} ${problem}; say keys: { ${name}: 'column' }`)
  }
  return {
    info: { label: `${app}.${name}`, aliases: aliases?.[name] ?? [], key, handle: table },
    version: version !== undefined && Object.hasOwn(columns, version) ? version : undefined,
    deletedAt: deletedAt !== undefined && Object.hasOwn(columns, deletedAt) ? columns[deletedAt] : undefined,
    table,
    columns,
    kinds: key.map((part) => kindOf(columns[part], dialect)),
  }
}

/** The column that is marked, or the columns of `primaryKey()`. */
function keyOf(table: DrizzleTable, columns: DrizzleModel['columns']): readonly string[] {
  const names = Object.keys(columns)
  const marked = names.filter((name) => columns[name]?.primary)
  if (marked.length > 0) return marked
  const extra = property(table, symbol('ExtraConfigBuilder'))
  if (typeof extra !== 'function') return []
  const built = extra(property(table, symbol('ExtraConfigColumns')) ?? columns) as object
  const declared: readonly object[] = Object.values(built).flat()
  const primaryKey = declared.find((part) => kindName(part).endsWith('PrimaryKeyBuilder')) as
    | { build(table: DrizzleTable): { readonly columns: readonly DrizzleColumn[] } }
    | undefined
  const parts = primaryKey?.build(table).columns ?? []
  return parts.map((column) => names.find((name) => columns[name]?.name === column.name) ?? column.name)
}

/** `PgDialect`, `SQLiteTable`: what Drizzle tells classes by, across copies of itself. */
export function kindName(value: object): string {
  const kind =
    property(value, symbol('entityKind')) ?? (value.constructor as unknown as Record<symbol, unknown>)[entityKind]
  return typeof kind === 'string' ? kind : ''
}

function kindOf(column: DrizzleColumn | undefined, dialect: SqlDialect): KeyKind {
  const type = column?.getSQLType() ?? ''
  const holds = column?.dataType ?? ''
  if (holds.startsWith('number')) {
    if (/^(int|integer|serial)$/.test(type)) return dialect === 'sqlite' ? 'integer' : 'int32'
    return /int|serial/.test(type) ? 'integer' : 'any'
  }
  if (holds.startsWith('bigint')) return 'bigint'
  if (holds.startsWith('string') && type === 'uuid') return 'uuid'
  if (holds.startsWith('string')) return /char|text/.test(type) ? 'text' : 'any'
  if (!/\bdate$/.test(holds)) return 'any'
  return type === 'date' ? 'day' : 'date'
}
