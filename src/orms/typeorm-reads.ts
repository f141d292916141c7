import { ImproperlyConfigured } from '../errors.ts'
import type { Key, KeyPart } from '../protocol/model-reference.ts'
import type { FetchOptions, ModelInfo, SqlDialect } from './orm-adapter.ts'
import type {
  EntityClass,
  EntityColumn,
  EntityMetadata,
  EntityQuery,
  TypeOrmDataSource,
  TypeOrmManager,
} from './typeorm-types.ts'

/** What one query reads, but for the keys. */
interface Reading {
  readonly manager: TypeOrmManager
  readonly model: ModelInfo
  readonly metadata: EntityMetadata
  readonly options: FetchOptions
}

interface WrittenQuery {
  readonly tablePath: string
  /** `undefined`: each key has a query of its own. */
  readonly sql: string | undefined
}

/** Stands for a key where SQL is written of which the key is no part. */
const anyKey = 'any key'

/**
 * Reads entities by key. To write a query takes TypeORM several times as long as SQLite to answer it, so that the query
 * of one key is written once for each model. TypeORM runs it and makes the entity, as always.
 */
export class TypeOrmReads {
  readonly #source: TypeOrmDataSource
  readonly #dialect: SqlDialect
  readonly #written = new Map<EntityMetadata, WrittenQuery>()
  /** Those that leave out what is soft-deleted. */
  readonly #writtenHiding = new Map<EntityMetadata, WrittenQuery>()

  constructor(source: TypeOrmDataSource, dialect: SqlDialect) {
    this.#source = source
    this.#dialect = dialect
  }

  /** Throws ImproperlyConfigured for locks that the database does not have. */
  find(
    manager: TypeOrmManager,
    model: ModelInfo,
    keys: readonly Key[],
    options: FetchOptions,
  ): Promise<readonly object[]> {
    if (options.lock && this.#dialect === 'sqlite') {
      throw new ImproperlyConfigured(`lock: '${options.lock}': SQLite locks no rows of ${model.label}; leave it out`)
    }
    const metadata = this.#source.getMetadata(model.handle as EntityClass)
    const reading = { manager, model, metadata, options }
    const [key] = keys
    return keys.length === 1 && key !== undefined ? this.#findOne(key, reading) : this.#findAll(keys, reading)
  }

  async #findAll(keys: readonly Key[], reading: Reading): Promise<object[]> {
    const size = keysPerQuery(this.#source.options.type, reading.metadata.primaryColumns)
    const rows: object[] = []
    for (let start = 0; start < keys.length; start += size)
      rows.push(...(await queryOf(keys.slice(start, start + size), reading).getMany()))
    return rows
  }

  #findOne(key: Key, reading: Reading): Promise<object[]> {
    const query = queryOf([key], reading)
    const sql = this.#isBound(key, reading) ? this.#sqlOf(reading) : undefined
    if (sql !== undefined) query.getQueryAndParameters = () => [sql, [key]]
    return query.getMany()
  }

  /** True if the key is no part of the SQL, or need not be: SQLite compares numbers of a column of integers alike. */
  #isBound(key: Key, { metadata: { primaryColumns }, options }: Reading): boolean {
    if (options.lock || options.relations) return false
    if (typeof key === 'number') return this.#dialect !== 'sqlite' || hasIntegers(primaryColumns)
    return typeof key === 'string'
  }

  /** Some programs move entities to another table while they run. */
  #sqlOf(reading: Reading): string | undefined {
    const { metadata, options } = reading
    const { tablePath } = metadata
    const known = options.hideDeleted === true ? this.#writtenHiding : this.#written
    let written = known.get(metadata)
    if (written?.tablePath !== tablePath) known.set(metadata, (written = { tablePath, sql: writtenSql(reading) }))
    return written.sql
  }
}

function writtenSql(reading: Reading): string | undefined {
  const { primaryColumns, relations, columns } = reading.metadata
  // TypeORM calls the user's functions for virtual columns, and asks other entities for eager relations
  const isConstant = !relations.some(({ isEager }) => isEager) && !columns.some((column) => column.isVirtualProperty)
  if (!isConstant || !isSimple(primaryColumns)) return undefined
  const [sql, parameters] = queryOf([anyKey], reading).getQueryAndParameters()
  return parameters.length === 1 && parameters[0] === anyKey ? sql : undefined
}

function queryOf(keys: readonly Key[], { manager, model, metadata, options }: Reading): EntityQuery {
  const ids = keys.map((key) => {
    const parts = Array.isArray(key) ? (key as readonly KeyPart[]) : [key]
    const id = {}
    metadata.primaryColumns.forEach((column, index) => column.setEntityValue(id, parts[index]))
    return id
  })
  const query = manager.createQueryBuilder(model.handle as EntityClass, 'model')
  return query.setFindOptions(findOptionsOf(options)).whereInIds(ids)
}

function findOptionsOf({ relations, lock, hideDeleted }: FetchOptions): object {
  return {
    cache: false,
    withDeleted: hideDeleted !== true,
    ...(relations && { relations: Object.fromEntries(relations.map((path) => nested(path))) }),
    ...(lock && { lock: { mode: lock === 'update' ? 'pessimistic_write' : 'pessimistic_read' } }),
  }
}

/** `a.b` as TypeORM has it: `{ a: { b: true } }`. */
function nested(path: string): [string, unknown] {
  const [first = path, ...rest] = path.split('.')
  return [first, rest.length > 0 ? Object.fromEntries([nested(rest.join('.'))]) : true]
}

/** Drivers limit bind parameters; TypeORM writes any but simple keys as branches of an OR, and SQLite limits its depth. */
function keysPerQuery(database: string, columns: readonly EntityColumn[]): number {
  if (!isSimple(columns)) return 500
  return ['mssql', 'oracle', 'sap'].includes(database) ? 1000 : 5000
}

function isSimple(columns: readonly EntityColumn[]): boolean {
  const [column] = columns
  return columns.length === 1 && !column?.transformer && !column?.relationMetadata && !column?.embeddedMetadata
}

/** As SQLite itself sees it. */
function hasIntegers([column]: readonly EntityColumn[]): boolean {
  return column?.type === Number || (typeof column?.type === 'string' && /int/i.test(column.type))
}
