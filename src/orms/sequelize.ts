import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Key } from '../protocol/model-reference.ts'
import { copyColumns } from './copy-columns.ts'
import type { FetchOptions, Identity, ModelInfo, OrmAdapter, SqlDialect } from './orm-adapter.ts'
import { checkAliases, checkOptions, labelOptions, type OrmLabelOptions } from './orm-labels.ts'
import { versionOf } from './row-version.ts'
import { fileOf, surviveLostConnections } from './sequelize-connections.ts'
import { OwnTransactions } from './sequelize-own-transactions.ts'
import { conditions, includes } from './sequelize-queries.ts'
import { SequelizeTransactions } from './sequelize-transactions.ts'
import type { ModelClass, OpenSequelize, Row, RowModel, SequelizeInstance } from './sequelize-types.ts'
import { fileFor, type SqliteFileOptions } from './sqlite-file.ts'

export type { OrmAdapter } from './orm-adapter.ts'
export type { SequelizeInstance } from './sequelize-types.ts'

export interface SequelizeOptions extends OrmLabelOptions, SqliteFileOptions {
  /** The models that may travel. Default: every model that is defined by now and has a primary key. */
  readonly models?: readonly ModelClass[]
}

/**
 * Makes the models of a Sequelize 6 arguments of tasks, and its transactions known: `app.models.use(sequelize(db, { app:
 * 'shop' }))`. Define the models first; the Sequelize stays the caller's to close.
 */
export function sequelize(instance: SequelizeInstance, options: SequelizeOptions): OrmAdapter {
  checkOptions('sequelize(instance)', instance, options, [...labelOptions, 'models', 'file'])
  if (typeof instance.getDialect !== 'function')
    throw new ImproperlyConfigured(`sequelize(instance) needs a Sequelize; got ${describeValue(instance)}`)
  const adapter = new SequelizeAdapter(instance as unknown as OpenSequelize, options)
  checkAliases('sequelize', options.aliases, adapter.models())
  return adapter
}

interface KnownModel {
  readonly info: ModelInfo
  readonly model: RowModel
}

class SequelizeAdapter implements OrmAdapter {
  readonly name = 'sequelize'
  readonly db?: string
  readonly replicated: boolean
  readonly transactions: NonNullable<OrmAdapter['transactions']>
  readonly #dialect: SqlDialect
  readonly #known = new Map<unknown, KnownModel>()

  constructor(instance: OpenSequelize, options: SequelizeOptions) {
    if (options.db !== undefined) this.db = options.db
    const { replication } = instance.options
    this.replicated = Boolean(replication && replication.read && replication.read.length > 0)
    this.#dialect = dialectOf(instance.getDialect())
    if (this.#dialect === 'postgres') surviveLostConnections(instance)
    const transactions = new SequelizeTransactions(instance)
    const own = new OwnTransactions(instance)
    this.transactions = {
      dialect: this.#dialect,
      ...fileFor(this.#dialect, options, fileOf(instance)),
      install: (hooks) => transactions.install(hooks),
      run: (body) => own.run(body),
      execute: (transaction, sql, params) => {
        const values = this.#dialect === 'postgres' ? { bind: params } : { replacements: params }
        return execute(instance, sql, { ...values, transaction })
      },
    }
    for (const model of chosen(instance, options.models)) {
      this.#known.set(model, { info: modelInfo(model, options), model })
    }
    if (this.#known.size === 0) {
      throw new ImproperlyConfigured('sequelize(instance) found no model with a primary key: define the models before')
    }
  }

  *models(): Iterable<ModelInfo> {
    for (const { info } of this.#known.values()) yield info
  }

  identify(value: object): Identity | undefined {
    const known = this.#knownOf(value)
    if (!known) return undefined
    const { info, model } = known
    const row = value as Row
    const key = row.isNewRecord ? undefined : keyOf(info, row)
    const version = versionOfRow(model, row, this.#dialect)
    return version === undefined ? { model: info, key } : { model: info, key, version }
  }

  async fetch({ label, handle }: ModelInfo, keys: readonly Key[], options: FetchOptions): Promise<readonly object[]> {
    const known = this.#known.get(handle)
    if (!known) throw new ImproperlyConfigured(`${label} is no model of this Sequelize`)
    const { hideDeleted = false, primary, relations, tx } = options
    const model = hideDeleted || !hasDefaultScope(known.model) ? known.model : known.model.unscoped()
    const rows: object[] = []
    for (const where of conditions(known.model, keys)) {
      const found = await model.findAll({
        where,
        paranoid: hideDeleted,
        useMaster: primary,
        // null rather than nothing: Sequelize would take the transaction of its own context
        transaction: tx ?? null,
        ...(relations && { include: includes(relations) }),
        ...this.#lock(options, model),
      })
      rows.push(...found)
    }
    return rows
  }

  copy(value: object): object | undefined {
    const model = this.#knownOf(value)?.model
    const { dataValues, _options: loaded } = value as Row
    if (!model || loaded?.include || model.hasHook('afterFind')) return undefined
    const values = copyColumns(dataValues, {})
    return values && model.build(values, { isNewRecord: false, raw: true, attributes: loaded?.attributes })
  }

  isUnavailable(error: unknown): boolean {
    const { name, message } = error as { readonly name?: unknown; readonly message?: unknown }
    if (typeof message === 'string' && message.includes('connection manager was closed')) return true
    return typeof name === 'string' && unavailable.test(name)
  }

  /** Scoped models are subclasses, and so are those that loaded a row without its default scope. */
  #knownOf(value: object): KnownModel | undefined {
    let prototype: unknown = Object.getPrototypeOf(value)
    while (typeof prototype === 'object' && prototype !== null) {
      const known = this.#known.get((prototype as { readonly constructor?: unknown }).constructor)
      if (known) return known
      prototype = Object.getPrototypeOf(prototype)
    }
    return undefined
  }

  #lock({ lock, tx }: FetchOptions, model: RowModel): object | undefined {
    if (!lock) return undefined
    if (this.#dialect === 'sqlite') {
      const advice = 'leave the option out, or use another database'
      throw new ImproperlyConfigured(`lock: '${lock}': SQLite locks no rows; ${advice}`)
    }
    if (!tx) throw new ImproperlyConfigured(`lock: '${lock}' holds rows in a transaction, and none is open`)
    return { lock: { level: lock === 'update' ? 'UPDATE' : 'SHARE', of: model } }
  }
}

const unavailable =
  /^Sequelize(ConnectionRefused|ConnectionTimedOut|ConnectionAcquireTimeout|HostNot(Found|Reachable))Error$/

function dialectOf(dialect: string): SqlDialect {
  if (dialect === 'postgres' || dialect === 'sqlite') return dialect
  if (dialect === 'mysql' || dialect === 'mariadb') return 'mysql'
  throw new ImproperlyConfigured(
    `sequelize(instance) knows PostgreSQL, MySQL, MariaDB and SQLite; this one speaks ${dialect}`,
  )
}

function chosen(instance: OpenSequelize, models: readonly ModelClass[] | undefined): readonly RowModel[] {
  const all = Object.values(instance.models)
  if (!models) return all.filter((model) => model.primaryKeyAttributes.length > 0)
  return models.map((chosenModel) => {
    const model = all.find((known) => Object.is(known, chosenModel))
    if (model && model.primaryKeyAttributes.length > 0) return model
    const problem = model ? 'has no primary key' : 'is no model of this Sequelize'
    throw new ImproperlyConfigured(`sequelize(…, { models }): ${chosenModel.name} ${problem}`)
  })
}

function modelInfo(model: RowModel, { app, aliases }: SequelizeOptions): ModelInfo {
  return {
    label: `${app}.${model.name}`,
    aliases: aliases?.[model.name] ?? [],
    key: model.primaryKeyAttributes,
    handle: model,
  }
}

function keyOf({ key }: ModelInfo, { dataValues }: Row): Key | undefined {
  const parts = key.map((name) => dataValues[name])
  if (parts.some((part) => part === undefined || part === null)) return undefined
  return (parts.length === 1 ? parts[0] : parts) as Key
}

/** MySQL's times have as many digits as their column: an instance that was just saved has more than its row. */
function versionOfRow(model: RowModel, { dataValues }: Row, dialect: SqlDialect): number | string | undefined {
  const name = model._versionAttribute ?? model._timestampAttributes.updatedAt
  const value = name === undefined ? undefined : dataValues[name]
  if (!(value instanceof Date) || dialect !== 'mysql' || name === undefined) return versionOf(value)
  const digits = Math.min(Number(model.rawAttributes[name]?.type._length ?? 0), 3)
  const unitMs = 10 ** (3 - digits)
  return versionOf(new Date(Math.floor(value.getTime() / unitMs) * unitMs))
}

function hasDefaultScope({ options }: RowModel): boolean {
  return Reflect.ownKeys(options.defaultScope ?? {}).length > 0
}

/** SELECTs say what they are: the raw ones of the dialect `mariadb` fail with newer versions of its driver. */
async function execute(
  instance: OpenSequelize,
  sql: string,
  options: object,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const isSelect = /^\s*select\b/i.test(sql)
  const result = await instance.query(sql, isSelect ? { ...options, type: 'SELECT' } : options)
  const rows = isSelect ? result : (result as readonly unknown[])[0]
  return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
}
