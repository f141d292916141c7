import { DatabaseUnavailable, ImproperlyConfigured } from '../errors.ts'
import type { Key } from '../protocol/model-reference.ts'
import type { FetchOptions, Identity, ModelInfo, OrmAdapter, SqlDialect } from './orm-adapter.ts'
import { checkAliases, checkOptions, labelOptions, type OrmLabelOptions } from './orm-labels.ts'
import { surviveDeadConnections } from './pool-errors.ts'
import { versionOf } from './row-version.ts'
import { fileFor, fileFromPath } from './sqlite-file.ts'
import { copyRow, isCopyable, isListenedTo } from './typeorm-copy.ts'
import { TypeOrmReads } from './typeorm-reads.ts'
import type { EntityClass, EntityMetadata, PoolDriver, TypeOrmDataSource, TypeOrmManager } from './typeorm-types.ts'
import { TypeOrmTransactions } from './typeorm-transactions.ts'

export type { OrmAdapter } from './orm-adapter.ts'

export interface TypeOrmOptions extends OrmLabelOptions {
  /** The entities that may travel. Default: every entity of the data source that has a class. */
  readonly entities?: readonly EntityClass[]
}

/**
 * Makes the entities of a TypeORM data source arguments of tasks, and its transactions known: `app.models.use(typeorm(
 * dataSource, { app: 'shop' }))`. The data source must be initialized; it stays the caller's to destroy.
 */
export function typeorm(dataSource: TypeOrmDataSource, options: TypeOrmOptions): OrmAdapter {
  checkOptions('typeorm(dataSource)', dataSource, options, [...labelOptions, 'entities'])
  if (!dataSource.isInitialized) {
    throw new ImproperlyConfigured(
      'typeorm(dataSource) needs an initialized data source: await dataSource.initialize() first',
    )
  }
  const adapter = new TypeOrmAdapter(dataSource, options)
  checkAliases('typeorm', options.aliases, adapter.models())
  return adapter
}

class TypeOrmAdapter implements OrmAdapter {
  readonly name = 'typeorm'
  readonly db?: string
  readonly replicated: boolean
  readonly transactions: NonNullable<OrmAdapter['transactions']>
  readonly #source: TypeOrmDataSource
  readonly #reads: TypeOrmReads
  readonly #known = new Map<
    unknown,
    { readonly info: ModelInfo; readonly metadata: EntityMetadata; readonly copyable: boolean }
  >()

  constructor(source: TypeOrmDataSource, options: TypeOrmOptions) {
    this.#source = source
    const dialect = dialectOf(source.options.type)
    this.#reads = new TypeOrmReads(source, dialect)
    // TypeORM listens to a connection of pg a moment after the pool gave it
    const { master, slaves = [] } = source.driver as PoolDriver
    for (const pool of [master, ...slaves]) surviveDeadConnections(pool)
    if (options.db !== undefined) this.db = options.db
    this.replicated = 'replication' in source.options && source.options.replication !== undefined
    this.transactions = {
      dialect,
      ...fileFor(dialect, {}, fileFromPath(source.options.database)),
      install: (hooks) => new TypeOrmTransactions(source, hooks),
      run: (body) => source.manager.transaction(body),
      execute: async (tx, sql, params) => rowsOf(await managerOf(tx).query(sql, [...params])),
    }
    for (const metadata of chosen(source, options.entities)) {
      const info = modelInfo(metadata, options)
      this.#known.set(metadata.target, { info, metadata, copyable: isCopyable(metadata) })
    }
  }

  *models(): Iterable<ModelInfo> {
    for (const { info } of this.#known.values()) yield info
  }

  identify(value: object): Identity | undefined {
    const known = this.#known.get(classOf(value))
    if (!known) return undefined
    const { info, metadata } = known
    const version = versionOf((metadata.versionColumn ?? metadata.updateDateColumn)?.getEntityValue(value))
    const key = keyOf(metadata, value)
    return version === undefined ? { model: info, key } : { model: info, key, version }
  }

  async fetch(model: ModelInfo, keys: readonly Key[], options: FetchOptions): Promise<readonly object[]> {
    if (!this.#source.isInitialized)
      throw new DatabaseUnavailable('the TypeORM data source is not connected: it was destroyed')
    const { primary, tx } = options
    if (tx) return this.#reads.find(managerOf(tx), model, keys, options)
    if (!primary || !this.replicated) return this.#reads.find(this.#source.manager, model, keys, options)
    const runner = this.#source.createQueryRunner('master')
    try {
      return await this.#reads.find(runner.manager, model, keys, options)
    } finally {
      await runner.release()
    }
  }

  copy(row: object): object | undefined {
    const known = this.#known.get(classOf(row))
    return known?.copyable && !isListenedTo(this.#source) ? copyRow(known.metadata, row) : undefined
  }
}

function dialectOf(database: string): SqlDialect {
  if (/postgres|cockroach/.test(database)) return 'postgres'
  return /mysql|mariadb/.test(database) ? 'mysql' : 'sqlite'
}

function rowsOf(result: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(result) ? (result as Record<string, unknown>[]) : []
}

function chosen(source: TypeOrmDataSource, entities: readonly EntityClass[] | undefined): readonly EntityMetadata[] {
  if (entities) return entities.map((entity) => source.getMetadata(entity))
  return source.entityMetadatas.filter(
    ({ target, primaryColumns }) => typeof target === 'function' && primaryColumns.length > 0,
  )
}

function modelInfo(metadata: EntityMetadata, { app, aliases }: TypeOrmOptions): ModelInfo {
  let root = metadata
  while (root.parentEntityMetadata) root = root.parentEntityMetadata
  return {
    label: `${app}.${metadata.name}`,
    aliases: aliases?.[metadata.name] ?? [],
    key: metadata.primaryColumns.map((column) => column.propertyName),
    ...(root === metadata ? undefined : { root: `${app}.${root.name}` }),
    handle: metadata.target,
  }
}

/** Not `value.constructor`: a field of that name must not choose the class. */
function classOf(value: object): unknown {
  return (Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null)?.constructor
}

function keyOf({ primaryColumns }: EntityMetadata, value: object): Key | undefined {
  const parts = primaryColumns.map((column) => column.getEntityValue(value))
  if (parts.some((part) => part === undefined || part === null)) return undefined
  return (parts.length === 1 ? parts[0] : parts) as Key
}

/** Users pass the manager or the query runner of a transaction. */
function managerOf(tx: object): TypeOrmManager {
  return 'createQueryBuilder' in tx ? (tx as TypeOrmManager) : (tx as { readonly manager: TypeOrmManager }).manager
}
