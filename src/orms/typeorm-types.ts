/** What is needed of TypeORM, by shape: its DataSource fits, and nothing of it is imported. */
export interface TypeOrmDataSource {
  readonly isInitialized: boolean
  readonly options: { readonly type: string; readonly database?: unknown; readonly replication?: unknown }
  readonly driver: object
  readonly manager: TypeOrmManager
  readonly subscribers: readonly object[]
  readonly entityMetadatas: readonly EntityMetadata[]
  getMetadata(target: EntityClass): EntityMetadata
  createQueryRunner(mode?: 'master' | 'slave'): TypeOrmRunner
}

/** Drivers that have pools. */
export interface PoolDriver {
  readonly master?: unknown
  readonly slaves?: readonly unknown[]
}

export type EntityClass = new (...args: never[]) => object

interface TypeOrmRunner {
  readonly manager: TypeOrmManager
  release(): Promise<void>
}

export interface TypeOrmManager {
  createQueryBuilder(entity: EntityClass, alias: string): EntityQuery
  query(sql: string, parameters: unknown[]): Promise<unknown>
  transaction<R>(body: (manager: object) => Promise<R>): Promise<R>
}

export interface EntityQuery {
  setFindOptions(options: object): this
  whereInIds(ids: readonly object[]): this
  /** TypeORM itself calls it for what it runs. */
  getQueryAndParameters: () => [sql: string, parameters: unknown[]]
  getMany(): Promise<object[]>
}

export interface EntityMetadata {
  readonly name: string
  readonly target: unknown
  /** Database, schema and table. */
  readonly tablePath: string
  readonly columns: readonly EntityColumn[]
  readonly primaryColumns: readonly EntityColumn[]
  readonly versionColumn?: EntityColumn | undefined
  readonly updateDateColumn?: EntityColumn | undefined
  readonly parentEntityMetadata?: EntityMetadata | undefined
  readonly relations: readonly { readonly propertyName: string; readonly isEager: boolean; readonly isLazy: boolean }[]
  readonly relationIds: readonly object[]
  readonly relationCounts?: readonly object[]
  readonly afterLoadListeners: readonly object[]
  create(): object
}

export interface EntityColumn {
  readonly propertyName: string
  /** What TypeORM calls it, or a constructor such as `Number`. */
  readonly type: unknown
  /** Computed by SQL of the user's. */
  readonly isVirtualProperty: boolean
  readonly transformer?: unknown
  readonly relationMetadata?: unknown
  readonly embeddedMetadata?: unknown
  getEntityValue(entity: object): unknown
  setEntityValue(entity: object, value: unknown): void
}
