import { ImproperlyConfigured } from '../errors.ts'
import type { Key } from '../protocol/model-reference.ts'
import { CallbackTransactions } from './callback-transactions.ts'
import { fileOf } from './drizzle-file.ts'
import { readRows, type DrizzleSql } from './drizzle-reads.ts'
import { DrizzleRows, relationsOf, type TableRelations } from './drizzle-rows.ts'
import { execute } from './drizzle-statements.ts'
import { drizzleModels, kindName, tableId, type DrizzleModel, type DrizzleModelOptions } from './drizzle-tables.ts'
import { asyncProblem, followTransactions } from './drizzle-transactions.ts'
import type { DrizzleHandle, DrizzleLike, DrizzleSqlLike } from './drizzle-types.ts'
import type { FetchOptions, Identity, ModelInfo, OrmAdapter, OrmTransactions, SqlDialect } from './orm-adapter.ts'
import { checkAliases, checkOptions, labelOptions } from './orm-labels.ts'
import { PlainRows } from './plain-rows.ts'
import { releaseDeadConnections, surviveDeadConnections } from './pool-errors.ts'
import { fileFor, type SqliteFileOptions } from './sqlite-file.ts'

export type { OrmAdapter } from './orm-adapter.ts'
export type { DrizzleLike, DrizzleSqlLike } from './drizzle-types.ts'

export interface DrizzleOptions extends DrizzleModelOptions, SqliteFileOptions {
  /** `import { sql } from 'drizzle-orm'`: queries are written with the Drizzle that the app has. */
  readonly sql: DrizzleSqlLike
}

const optionNames = [...labelOptions, 'sql', 'models', 'keys', 'version', 'deletedAt', 'file']

/** What `app.models.use()` takes. */
export interface DrizzleModels extends OrmAdapter {
  /** Makes rows known that came otherwise: by raw SQL, as a copy, from a cache. Returns them. */
  tag<R extends object>(table: object, rows: R): R
}

/**
 * Makes the rows of a Drizzle database arguments of tasks, and its transactions known: `app.models.use(drizzle(db, { app:
 * 'shop', sql, models: { User: users } }))`. The database object is changed in place: go on using it. Its connections
 * stay the caller's to end. Throws ImproperlyConfigured.
 */
export function drizzle(db: DrizzleLike, options: DrizzleOptions): DrizzleModels {
  checkOptions('drizzle(db)', db, options, optionNames)
  if (typeof options.sql !== 'function')
    throw new ImproperlyConfigured(
      "drizzle(db, { sql }) needs the sql of your Drizzle: import { sql } from 'drizzle-orm'",
    )
  const adapter = new DrizzleAdapter(db as unknown as DrizzleHandle, options)
  checkAliases('drizzle', options.aliases, adapter.models())
  return adapter
}

class DrizzleAdapter implements DrizzleModels {
  readonly name = 'drizzle'
  readonly db?: string
  readonly replicated: boolean
  readonly transactions: OrmTransactions
  readonly #handle: DrizzleHandle
  readonly #primary: DrizzleHandle
  readonly #sql: DrizzleSql
  readonly #plain = new PlainRows()
  readonly #rows: DrizzleRows
  readonly #models: ReadonlyMap<string, DrizzleModel>
  readonly #relations: TableRelations
  readonly #options: DrizzleOptions

  constructor(handle: DrizzleHandle, options: DrizzleOptions) {
    const transactions = new CallbackTransactions()
    const primary = handle.$primary ?? handle
    const dialect = dialectOf(primary)
    if (options.db !== undefined) this.db = options.db
    this.replicated = handle.$primary !== undefined
    this.#handle = handle
    this.#primary = primary
    this.#sql = options.sql as unknown as DrizzleSql
    this.#models = drizzleModels(options, dialect)
    this.#relations = relationsOf(primary)
    this.#options = options
    this.#rows = new DrizzleRows(this.#plain, this.#models, this.#relations)
    this.transactions = {
      dialect,
      ...fileFor(dialect, options, fileOf(primary)),
      install: (hooks) => transactions.install(hooks),
      run: async <R>(body: (tx: object) => Promise<R>) => {
        if (primary.resultKind === 'sync') throw asyncProblem()
        return (await primary.transaction(body)) as R
      },
      execute: (tx, text, params) => execute(tx as DrizzleHandle, this.#sql, { dialect, text, params }),
    }
    for (const known of [primary, ...(handle.$replicas ?? [])]) {
      this.#adopt(known, transactions)
      if (dialect !== 'postgres') continue
      surviveDeadConnections(known.$client)
      // before 1.0, a transaction that cannot begin keeps its connection
      if (!known.dialect.mapperGenerators) releaseDeadConnections(known.$client)
    }
  }

  *models(): Iterable<ModelInfo> {
    for (const { info } of this.#models.values()) yield info
  }

  identify(value: object): Identity | undefined {
    return this.#plain.identify(value)
  }

  async fetch(info: ModelInfo, keys: readonly Key[], options: FetchOptions): Promise<readonly object[]> {
    const model = this.#model(info.handle)
    if (options.hideDeleted === true && this.#options.deletedAt === undefined) {
      throw new ImproperlyConfigured(
        `withDeleted: false needs drizzle(…, { deletedAt: 'deletedAt' }) to know deleted rows`,
      )
    }
    const handle =
      (options.tx as DrizzleHandle | undefined) ??
      (options.primary ? this.#primary : (this.#handle.$replica ?? this.#handle))
    const { dialect } = this.transactions
    const rows = await readRows(keys, { handle, sql: this.#sql, model, relations: this.#relations, dialect, options })
    this.#rows.tag(tableId(model.table), rows)
    return rows
  }

  copy(row: object): object | undefined {
    return this.#plain.copy(row)
  }

  tag<R extends object>(table: object, rows: R): R {
    this.#rows.tag(tableId(this.#model(table).table), rows)
    return rows
  }

  #adopt(handle: DrizzleHandle, transactions: CallbackTransactions): void {
    this.#rows.watch(handle)
    followTransactions(handle, transactions, (tx) => this.#adopt(tx, transactions))
  }

  #model(table: unknown): DrizzleModel {
    const model = this.#models.get(tableId(table))
    if (model) return model
    const known = [...this.#models.values()].map(({ info }) => info.label).join(', ')
    throw new ImproperlyConfigured(`drizzle(): this table is not among the models; they are ${known}`)
  }
}

function dialectOf({ dialect }: DrizzleHandle): SqlDialect {
  const kind = kindName(dialect)
  if (dialect.shapeGenerator !== undefined) {
    throw new ImproperlyConfigured(`drizzle(): rows of this driver are made by the driver, and cannot be recognised`)
  }
  if (kind.startsWith('Pg')) return 'postgres'
  if (kind.startsWith('MySql')) return 'mysql'
  if (kind.startsWith('SQLite')) return 'sqlite'
  throw new ImproperlyConfigured(
    `drizzle(db, …) needs a database of PostgreSQL, MySQL or SQLite; got ${kind || 'another'}`,
  )
}
