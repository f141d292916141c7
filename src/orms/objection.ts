import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Key } from '../protocol/model-reference.ts'
import { copyColumns } from './copy-columns.ts'
import { dialectOf, fileOf, rowsOf, withBindings } from './objection-statements.ts'
import { KnexTransactions } from './objection-transactions.ts'
import type { KnexDatabase, KnexQueries, ModelQueries, ModelQuery, ObjectionModelClass } from './objection-types.ts'
import type { FetchOptions, Identity, ModelInfo, OrmAdapter, SqlDialect } from './orm-adapter.ts'
import { checkAliases, checkOptions, labelOptions, type OrmLabelOptions } from './orm-labels.ts'
import { identityOf } from './row-identity.ts'

export type { OrmAdapter } from './orm-adapter.ts'

export interface ObjectionOptions extends OrmLabelOptions {
  /**
   * The property that grows with each update, a number or a time: one name for all models, or by model `{ Order:
   * 'updatedAt' }`. Default: rows have no version.
   */
  readonly version?: string | Readonly<Record<string, string>>
  /** The property that says when a row was soft-deleted, for tasks with `withDeleted: false`; as `version`. */
  readonly deletedAt?: string | Readonly<Record<string, string>>
}

/**
 * Makes instances of Objection models arguments of tasks, and all transactions of their Knex known, also those begun
 * without Objection: `app.models.use(objection(knex, [Order, User], { app: 'shop' }))`. The Knex stays the caller's to
 * destroy; `close()` does it too.
 */
export function objection(
  knex: KnexDatabase,
  models: readonly ObjectionModelClass[],
  options: ObjectionOptions,
): OrmAdapter {
  checkOptions('objection(knex)', knex, options, [...labelOptions, 'version', 'deletedAt'])
  if ((knex as { readonly isTransaction?: unknown }).isTransaction === true) {
    throw new ImproperlyConfigured('objection(knex) needs the Knex itself, not one of its transactions')
  }
  if (!Array.isArray(models) || !models.every(isModelClass))
    throw new ImproperlyConfigured(
      `objection(knex, models) needs a list of model classes; got ${describeValue(models)}`,
    )
  const adapter = new ObjectionAdapter(knex, models, options)
  checkAliases('objection', options.aliases, adapter.models())
  return adapter
}

function isModelClass(value: unknown): boolean {
  return typeof value === 'function' && 'isObjectionModelClass' in value
}

interface Known {
  readonly info: ModelInfo
  readonly modelClass: ObjectionModelClass
  readonly version: string | undefined
  readonly deletedAt: string | undefined
  readonly copyable: boolean
}

class ObjectionAdapter implements OrmAdapter {
  readonly name = 'objection'
  readonly db?: string
  readonly transactions: NonNullable<OrmAdapter['transactions']>
  readonly #knex: KnexDatabase
  readonly #dialect: SqlDialect
  readonly #known: ReadonlyMap<unknown, Known>

  constructor(knex: KnexDatabase, models: readonly ObjectionModelClass[], options: ObjectionOptions) {
    this.#knex = knex
    if (options.db !== undefined) this.db = options.db
    const queries = queriesOf(knex)
    const { client } = queries
    this.#dialect = dialectOf(client.dialect)
    this.#known = new Map(models.map((modelClass) => [modelClass, knownModel(modelClass, options)]))
    const followed = new KnexTransactions(client)
    this.transactions = {
      dialect: this.#dialect,
      ...(this.#dialect === 'sqlite' && fileOf(client.config.connection)),
      install: (hooks) => followed.install(hooks),
      run: (body) => queries.transaction(body),
      execute: async (tx, sql, params) => rowsOf(await queriesOf(tx).raw(...withBindings(sql, params))),
    }
  }

  *models(): Iterable<ModelInfo> {
    for (const { info } of this.#known.values()) yield info
  }

  identify(value: object): Identity | undefined {
    const known = this.#knownOf(value)
    if (!known) return undefined
    return identityOf(known.info, value, known.version)
  }

  async fetch(model: ModelInfo, keys: readonly Key[], options: FetchOptions): Promise<readonly object[]> {
    const known = this.#known.get(model.handle)
    if (!known) throw new ImproperlyConfigured(`${model.label} is no model of this objection()`)
    const size = keysPerQuery(this.#dialect, model)
    const rows: object[] = []
    for (let start = 0; start < keys.length; start += size) {
      rows.push(...(await this.#query(known, keys.slice(start, start + size), options)))
    }
    return rows
  }

  copy(row: object): object | undefined {
    return this.#knownOf(row)?.copyable ? copyInstance(row) : undefined
  }

  isUnavailable(error: unknown): boolean {
    if (!(error instanceof Error)) return false
    return error.name === 'KnexTimeoutError' || /^(Unable to acquire a connection|aborted)$/.test(error.message)
  }

  async close(): Promise<void> {
    await this.#knex.destroy()
  }

  /** `context().withDeleted` is for models that hide rows in a query builder of their own. */
  #query({ info, modelClass, deletedAt }: Known, keys: readonly Key[], options: FetchOptions): ModelQuery {
    const { tx, relations = [], lock, hideDeleted = false } = options
    const queries = modelClass as unknown as ModelQueries
    let query = queries
      .query(tx ?? this.#knex)
      .context({ withDeleted: !hideDeleted })
      .findByIds(keys)
    if (hideDeleted && deletedAt !== undefined) query = query.whereNull(modelClass.propertyNameToColumnName(deletedAt))
    if (relations.length > 0) query = query.withGraphFetched(`[${relations.join(', ')}]`)
    if (!lock) return query
    if (this.#dialect === 'sqlite') {
      throw new ImproperlyConfigured(
        `SQLite cannot lock rows of ${info.label}: leave lock out, or use another database`,
      )
    }
    return lock === 'update' ? query.forUpdate() : query.forShare()
  }

  /** Objection binds models to a Knex by subclasses; other subclasses are models of their own. */
  #knownOf(value: object): Known | undefined {
    const own = classOf(value)
    const known = this.#known.get(own)
    if (known || (value as { readonly $isObjectionModel?: unknown }).$isObjectionModel !== true) return known
    for (let ancestor = own; typeof ancestor === 'function'; ancestor = Object.getPrototypeOf(ancestor) as unknown) {
      const found = this.#known.get(ancestor)
      if (found) return isBoundTo(own as ObjectionModelClass, found.modelClass) ? found : undefined
    }
    return undefined
  }
}

/** Users' types follow their tables; the adapter needs little of them. */
function queriesOf(knex: object): KnexQueries {
  return knex as KnexQueries
}

/** Drivers limit bind parameters, and SQLite the depth of the OR that Knex writes for composite keys. */
function keysPerQuery(dialect: SqlDialect, { key }: ModelInfo): number {
  if (key.length === 1) return 5000
  return dialect === 'sqlite' ? 500 : 1000
}

function knownModel(modelClass: ObjectionModelClass, options: ObjectionOptions): Known {
  const { name } = modelClass
  const label = `${options.app}.${name}`
  const info = {
    label,
    aliases: options.aliases?.[name] ?? [],
    key: [modelClass.idColumn].flat().map((column) => modelClass.columnNameToPropertyName(column)),
    handle: modelClass,
  }
  const named = (option: string | Readonly<Record<string, string>> | undefined): string | undefined =>
    typeof option === 'string' ? option : option?.[name]
  const version = named(options.version)
  return { info, modelClass, version, deletedAt: named(options.deletedAt), copyable: isCopyable(modelClass) }
}

/** Not where hooks of the user's add to a row what its fields do not show. */
function isCopyable(modelClass: ObjectionModelClass): boolean {
  return (
    !isOverridden(modelClass.prototype, '$afterFind', Object.prototype) &&
    !isOverridden(modelClass, 'afterFind', Function.prototype)
  )
}

/** True if a class between this one and Objection's own defines it, whose parent is `root`. */
function isOverridden(from: object, name: string, root: object): boolean {
  for (let at: object | null = from; at; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, name)) return Object.getPrototypeOf(at) !== root
  }
  return false
}

function isBoundTo(own: ObjectionModelClass, modelClass: ObjectionModelClass): boolean {
  return own.tableName === modelClass.tableName
}

/** Not `value.constructor`: a field of that name must not choose the class. */
function classOf(value: object): unknown {
  return (Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null)?.constructor
}

/** A model, with those that its relations hold. */
function copyInstance(row: object): object | undefined {
  if ((row as { readonly $isObjectionModel?: unknown }).$isObjectionModel !== true) return undefined
  const modelClass = classOf(row) as ObjectionModelClass
  return copyColumns(row, new modelClass(), copyInstance)
}
