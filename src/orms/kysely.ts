import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Key } from '../protocol/model-reference.ts'
import { dialectOf, keysPerQuery, locked, rawQuery, withKeys } from './kysely-queries.ts'
import { RowTags, rowTable, type RowTable } from './kysely-rows.ts'
import { KyselyTransactions } from './kysely-transactions.ts'
import type { KyselyDatabase, KyselyTable, Queries } from './kysely-types.ts'
import type { FetchOptions, Identity, ModelInfo, OrmAdapter, SqlDialect } from './orm-adapter.ts'
import { checkAliases, checkOptions, labelOptions, type OrmLabelOptions } from './orm-labels.ts'
import { type PlainModel, PlainRows } from './plain-rows.ts'
import { surviveDeadConnections } from './pool-errors.ts'
import { fileFor, type SqliteFileOptions } from './sqlite-file.ts'

export type { OrmAdapter } from './orm-adapter.ts'

/** What Kysely does not know at run time: names are those of the `Kysely<DB>`, before any plugin changes them. */
export interface KyselyModel<Table extends string = string> {
  readonly table: Table
  /** The primary key; a list for a composite one, in the order in which it travels. Default `'id'`. */
  readonly key?: string | readonly string[]
  /** A column that grows with each update: a number or a time. Default: rows have no version. */
  readonly version?: string
  /** The column that says when a row was soft-deleted, for tasks with `withDeleted: false`. */
  readonly deletedAt?: string
}

export interface KyselyOptions extends OrmLabelOptions, SqliteFileOptions {
  /**
   * PostgreSQL only: the pool of pg that the dialect has. A connection that dies in a transaction emits an `error` for which
   * Kysely does not listen, and which ends the process; kysely() then listens.
   */
  readonly pool?: object
}

/**
 * Makes rows of the tables of a Kysely arguments of tasks, and its transactions known: `app.models.use(kysely(db, {
 * Order: { table: 'orders' } }, { app: 'shop' }))`. From then on rows that `db` gives are recognised, and also those of
 * its transactions and of handles derived from it. The database stays the caller's to destroy; `close()` does it too.
 */
export function kysely<Db extends KyselyDatabase>(
  db: Db,
  models: Readonly<Record<string, KyselyModel<KyselyTable<Db>>>>,
  options: KyselyOptions,
): OrmAdapter {
  checkOptions('kysely(db)', db, options, [...labelOptions, 'file', 'pool'])
  if (db.isTransaction) throw new ImproperlyConfigured('kysely(db) needs the database, not one of its transactions')
  surviveDeadConnections(options.pool)
  const adapter = new KyselyAdapter(db, models, options)
  checkAliases('kysely', options.aliases, adapter.models())
  return adapter
}

interface Known extends PlainModel {
  readonly table: string
  readonly deletedAt: string | undefined
}

class KyselyAdapter implements OrmAdapter {
  readonly name = 'kysely'
  readonly db?: string
  readonly transactions: NonNullable<OrmAdapter['transactions']>
  readonly #db: KyselyDatabase
  readonly #dialect: SqlDialect
  readonly #known: ReadonlyMap<string, Known>
  readonly #rows = new PlainRows()

  constructor(db: KyselyDatabase, models: Readonly<Record<string, KyselyModel>>, options: KyselyOptions) {
    this.#db = db
    if (options.db !== undefined) this.db = options.db
    const queries = queriesOf(db)
    this.#dialect = dialectOf(queries)
    const known = Object.entries(models).map(([name, model]) => knownModel(name, model, options))
    this.#known = new Map(known.map((model) => [model.info.label, model]))
    const tags = new RowTags(
      known.map((model) => tableOf(queries, model)),
      (row, model) => this.#rows.tag(row, model),
    )
    tags.follow(queries.getExecutor())
    const followed = new KyselyTransactions(db)
    this.transactions = {
      dialect: this.#dialect,
      ...fileFor(this.#dialect, options),
      install: (hooks) => followed.install(hooks),
      run: (body) => queries.transaction().execute(body),
      execute: async (tx, sql, params) => {
        const { rows } = await queriesOf(tx).withoutPlugins().executeQuery(rawQuery(sql, params))
        return rows as readonly Record<string, unknown>[]
      },
    }
  }

  *models(): Iterable<ModelInfo> {
    for (const { info } of this.#known.values()) yield info
  }

  identify(value: object): Identity | undefined {
    return this.#rows.identify(value)
  }

  async fetch(model: ModelInfo, keys: readonly Key[], options: FetchOptions): Promise<readonly object[]> {
    const known = this.#known.get(model.label)
    if (!known) throw new ImproperlyConfigured(`${model.label} is no model of this kysely()`)
    this.#check(known, options)
    const queries = queriesOf(options.tx ?? this.#db)
    const size = keysPerQuery(this.#dialect, model)
    const rows: object[] = []
    for (let start = 0; start < keys.length; start += size) {
      const all = queries.selectFrom(known.table).selectAll()
      let query = withKeys(all, model.key, keys.slice(start, start + size), this.#dialect)
      if (options.hideDeleted && known.deletedAt !== undefined) query = query.where(known.deletedAt, 'is', null)
      rows.push(...(await locked(query, options.lock, this.#dialect).execute()))
    }
    return rows
  }

  copy(row: object): object | undefined {
    return this.#rows.copy(row)
  }

  isUnavailable(error: unknown): boolean {
    return error instanceof Error && /driver has already been destroyed/.test(error.message)
  }

  async close(): Promise<void> {
    await this.#db.destroy()
  }

  #check({ info, deletedAt }: Known, { relations, lock, hideDeleted }: FetchOptions): void {
    if (relations && relations.length > 0) {
      const advice = 'query them in the task'
      throw new ImproperlyConfigured(`Kysely knows no relations of ${info.label} (${relations.join(', ')}): ${advice}`)
    }
    if (hideDeleted && deletedAt === undefined) {
      const advice = "name it: kysely(db, { …: { table, deletedAt: 'deleted_at' } }, …)"
      throw new ImproperlyConfigured(`${info.label} has no column that says which rows are soft-deleted; ${advice}`)
    }
    if (lock && this.#dialect === 'sqlite') {
      throw new ImproperlyConfigured(
        `SQLite cannot lock rows of ${info.label}: leave lock out, or use another database`,
      )
    }
  }
}

/** Kysely's own types follow the user's tables; the adapter names tables and columns at run time. */
function queriesOf(db: object): Queries {
  return db as Queries
}

function knownModel(name: string, model: KyselyModel, { app, aliases }: OrmLabelOptions): Known {
  const { table, key = 'id', version, deletedAt } = model
  if (typeof table !== 'string')
    throw new ImproperlyConfigured(`kysely(): ${name} must be { table: 'orders' }; got ${describeValue(model)}`)
  const info = { label: `${app}.${name}`, aliases: aliases?.[name] ?? [], key: [key].flat(), handle: table }
  const kinds = info.key.map(() => 'any' as const)
  return { info, kinds, table, version, deletedAt }
}

function tableOf(db: Queries, known: Known): RowTable<Known> {
  const table = rowTable(db, known, known.table, known.info.key)
  if (table) return table
  const advice = "it takes names as in { table: 'orders', key: 'id' }, without 'as'"
  throw new ImproperlyConfigured(`kysely(): ${known.info.label} is no plain table with plain key columns; ${advice}`)
}
