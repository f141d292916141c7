import { ImproperlyConfigured } from '../errors.ts'
import { describeValue } from '../protocol/describe-value.ts'
import type { Key } from '../protocol/model-reference.ts'
import { fileOf } from './mikro-orm-file.ts'
import { hasFlatKey, keyOf, unwrapped } from './mikro-orm-keys.ts'
import { findRows, SharedReads } from './mikro-orm-reads.ts'
import { loadContexts, runInTaskContext, type Contexts } from './mikro-orm-task.ts'
import { MikroTransactions, transactionOf } from './mikro-orm-transactions.ts'
import type { EntityClass, EntityMetadata, MikroOrm, OpenOrm, UnitOfWork } from './mikro-orm-types.ts'
import type { FetchOptions, Identity, ModelInfo, OrmAdapter, SqlDialect } from './orm-adapter.ts'
import { checkAliases, checkOptions, labelOptions, type OrmLabelOptions } from './orm-labels.ts'
import { versionOf } from './row-version.ts'
import { fileFor, type SqliteFileOptions } from './sqlite-file.ts'

export type { OrmAdapter } from './orm-adapter.ts'
export type { MikroOrm } from './mikro-orm-types.ts'

export interface MikroOptions extends OrmLabelOptions, SqliteFileOptions {
  /** The entities that may travel. Default: every entity that has a table and a key of columns. */
  readonly entities?: readonly EntityClass[]
}

/**
 * Makes the entities of a MikroORM arguments of tasks, and its transactions known: `app.models.use(mikro(orm, { app:
 * 'shop' }))`. Each attempt of a task has a unit of work of its own, with its arguments in it: `orm.em` in the task is
 * that one. The ORM must be initialized; it stays the caller's to close.
 */
export function mikro(orm: MikroOrm, options: MikroOptions): OrmAdapter {
  checkOptions('mikro(orm)', orm, options, [...labelOptions, 'entities', 'file'])
  if (typeof orm.em !== 'object' || typeof orm.getMetadata !== 'function')
    throw new ImproperlyConfigured(`mikro(orm) needs what MikroORM.init() gave; got ${describeValue(orm)}`)
  const adapter = new MikroAdapter(orm as unknown as OpenOrm, options)
  checkAliases('mikro', options.aliases, adapter.models())
  return adapter
}

interface KnownEntity {
  readonly info: ModelInfo
  readonly metadata: EntityMetadata
}

class MikroAdapter implements OrmAdapter {
  readonly name = 'mikro-orm'
  readonly db?: string
  readonly replicated: boolean
  readonly transactions: NonNullable<OrmAdapter['transactions']>
  readonly #orm: OpenOrm
  readonly #known = new Map<unknown, KnownEntity>()
  readonly #reads: SharedReads
  #contexts: Promise<Contexts> | undefined

  constructor(orm: OpenOrm, options: MikroOptions) {
    this.#orm = orm
    if (options.db !== undefined) this.db = options.db
    const replicas = orm.config.get('replicas')
    this.replicated = Array.isArray(replicas) && replicas.length > 0
    this.#reads = new SharedReads(() => this.#fork())
    const transactions = new MikroTransactions(orm.driver.getConnection('write'))
    const dialect = dialectOf(orm.driver.getPlatform())
    this.transactions = {
      dialect,
      ...fileFor(dialect, options, fileOf(orm)),
      install: (hooks) => transactions.install(hooks),
      run: (body) => this.#unit().transactional(body),
      execute: (tx, sql, params) => execute(tx, sql, params),
    }
    for (const metadata of chosen(orm, options.entities)) {
      this.#known.set(metadata.class, { info: modelInfo(metadata, options), metadata })
    }
  }

  *models(): Iterable<ModelInfo> {
    for (const { info } of this.#known.values()) yield info
  }

  identify(value: object): Identity | undefined {
    const entity = unwrapped(value)
    const known = this.#known.get(classOf(entity))
    if (!known) return undefined
    const { info, metadata } = known
    const version = metadata.versionProperty && versionOf(Reflect.get(entity, metadata.versionProperty))
    const key = keyOf(metadata, entity)
    return version === undefined ? { model: info, key } : { model: info, key, version }
  }

  async fetch(model: ModelInfo, keys: readonly Key[], options: FetchOptions): Promise<readonly object[]> {
    const metadata = this.#known.get(model.handle)?.metadata
    if (!metadata) throw new ImproperlyConfigured(`${model.label} is no entity of this MikroORM`)
    const { tx, relations, lock, hideDeleted } = options
    const connectionType = options.primary ? 'write' : 'read'
    if (!tx && !relations && !lock && !hideDeleted && isOneTable(metadata)) {
      return this.#reads.read(metadata, keys, this.#unit(), connectionType)
    }
    return findRows(tx ? this.#unitOf(tx) : this.#unit(), metadata, keys, {
      ...(tx ? undefined : { connectionType }),
      ...(relations && { populate: relations }),
      ...(lock && { lockMode: this.#lockMode(lock, tx) }),
      ...(hideDeleted && { filters: undefined }),
    })
  }

  isUnavailable(error: unknown): boolean {
    return error instanceof Error && /driver has already been destroyed|Connection not established/.test(error.message)
  }

  async runTask<R>(body: () => Promise<R>): Promise<R> {
    this.#contexts ??= loadContexts()
    return runInTaskContext(await this.#contexts, this.#orm.em, body)
  }

  #fork(): UnitOfWork {
    return this.#orm.em.fork({ disableContextResolution: true })
  }

  /** That of the task; a new one for rows that are loaded outside tasks, or outside the transaction that is open. */
  #unit(): UnitOfWork {
    const unit = this.#orm.em.getContext(false)
    return unit === this.#orm.em || unit.isInTransaction() ? this.#fork() : unit
  }

  #unitOf(tx: object): UnitOfWork {
    if ('getTransactionContext' in tx) return tx as UnitOfWork
    const unit = this.#fork()
    const transaction = transactionOf(tx)
    if (transaction) unit.setTransactionContext(transaction)
    return unit
  }

  /** The numbers of MikroORM's LockMode. */
  #lockMode(lock: 'update' | 'share', tx: object | undefined): number {
    if (this.transactions.dialect === 'sqlite') {
      throw new ImproperlyConfigured(
        `lock: '${lock}': SQLite locks no rows; leave the option out, or use another database`,
      )
    }
    if (!tx) throw new ImproperlyConfigured(`lock: '${lock}' holds rows in a transaction, and none is open`)
    return lock === 'update' ? 3 : 2
  }
}

function chosen(orm: OpenOrm, entities: readonly EntityClass[] | undefined): readonly EntityMetadata[] {
  const all = [...orm.getMetadata().getAll().values()]
  if (!entities) return all.filter((metadata) => problemOf(metadata) === undefined)
  return entities.map((entity) => {
    const metadata = all.find((known) => known.class === entity)
    const problem = metadata ? problemOf(metadata) : 'is no entity of this MikroORM'
    if (metadata && !problem) return metadata
    throw new ImproperlyConfigured(`mikro(…, { entities }): ${entity.name} ${problem}`)
  })
}

/** Why rows of an entity cannot travel. */
function problemOf(metadata: EntityMetadata): string | undefined {
  if (metadata.embeddable || metadata.pivotTable || metadata.virtual) return 'has no rows of its own'
  if (metadata.abstract && !metadata.root.inheritanceType) return 'is abstract'
  if (metadata.primaryKeys.length === 0) return 'has no primary key'
  if (!hasFlatKey(metadata)) return 'has a key that holds the composite key of another entity'
  return undefined
}

function modelInfo(metadata: EntityMetadata, { app, aliases }: MikroOptions): ModelInfo {
  const { className, root } = metadata
  return {
    label: `${app}.${className}`,
    aliases: aliases?.[className] ?? [],
    key: metadata.primaryKeys,
    ...(root.className === className ? undefined : { root: `${app}.${root.className}` }),
    handle: metadata.class,
  }
}

/** True if a row of one query holds all that an entity is; else only `find` of its unit of work knows how to load it. */
function isOneTable({ inheritanceType, properties }: EntityMetadata): boolean {
  if (inheritanceType !== undefined && inheritanceType !== 'sti') return false
  return Object.values(properties).every(({ eager, lazy, formula }) => !eager && !lazy && formula === undefined)
}

function dialectOf(platform: object): SqlDialect {
  for (let type: object | null = platform; type; type = Object.getPrototypeOf(type) as object | null) {
    const { name } = type.constructor
    if (/^postgre/i.test(name)) return 'postgres'
    if (/^(mysql|mariadb)/i.test(name)) return 'mysql'
    if (/sqlite|libsql/i.test(name)) return 'sqlite'
  }
  throw new ImproperlyConfigured(
    `mikro(orm) knows PostgreSQL, MySQL, MariaDB and SQLite; this ORM has a ${platform.constructor.name}`,
  )
}

/** On the connection itself: MikroORM's own `execute` would take `?` in texts and operators for placeholders. */
async function execute(
  tx: object,
  sql: string,
  params: readonly unknown[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const transaction = transactionOf(tx)
  if (!transaction) throw new ImproperlyConfigured('the given entity manager has no open transaction')
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] }
  const { rows } = await transaction.executeQuery({ sql, parameters: params, query, queryId: { queryId: 'celeriac' } })
  return rows ?? []
}

/** Not `value.constructor`: a field of that name must not choose the class. */
function classOf(value: object): unknown {
  return (Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null)?.constructor
}
