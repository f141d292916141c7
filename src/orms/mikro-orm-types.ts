/** MikroORM's `MikroORM` of an SQL driver. Nothing of it is imported. */
export interface MikroOrm {
  readonly em: object
  readonly config: object
  readonly driver: object
  getMetadata(): object
}

export type EntityClass = abstract new (...args: never[]) => object

/** What is needed of `MikroOrm` inside, by shape. */
export interface OpenOrm {
  readonly em: UnitOfWork
  readonly config: { get(name: string): unknown }
  readonly driver: {
    getPlatform(): object
    getConnection(type: 'write'): Connection
  }
  getMetadata(): { getAll(): ReadonlyMap<unknown, EntityMetadata> }
}

/** MikroORM's EntityManager. */
export interface UnitOfWork {
  readonly name: string
  readonly config: unknown
  fork(options?: object): UnitOfWork
  getContext(validate: false): UnitOfWork
  isInTransaction(): boolean
  getTransactionContext(): SqlTransaction | undefined
  setTransactionContext(transaction: SqlTransaction): void
  resetTransactionContext(): void
  transactional<R>(body: (em: UnitOfWork) => Promise<R>): Promise<R>
  find(entity: unknown, where: object, options: object): Promise<object[]>
  merge(entity: unknown, data: object, options: object): object
  createQueryBuilder(entity: unknown, alias: string, type: 'read' | 'write'): RowQuery
  getUnitOfWork(useContext: false): { dispatchOnLoadEvent(): Promise<void> }
}

interface RowQuery {
  select(fields: '*'): this
  where(where: object): this
  execute(method: 'all'): Promise<RowData[]>
}

/** A row as the database gave it, by names of properties. */
export type RowData = Record<string, unknown>

/** Kysely's ControlledTransaction; a savepoint is another object. */
export interface SqlTransaction {
  /** Of the whole transaction, also for a savepoint. */
  readonly isCommitted: boolean
  readonly isRolledBack: boolean
  executeQuery(query: object): Promise<{ readonly rows?: readonly Record<string, unknown>[] }>
}

export interface Broadcaster {
  readonly em?: UnitOfWork
  dispatchEvent(event: string, transaction?: SqlTransaction): Promise<void>
}

export interface BeginOptions {
  /** The transaction around a savepoint. */
  readonly ctx?: SqlTransaction | undefined
  readonly eventBroadcaster?: Broadcaster | undefined
}

/** The one object through which all transactions of an ORM pass. */
export interface Connection {
  begin(options?: BeginOptions): Promise<SqlTransaction>
  commit(transaction: SqlTransaction, broadcaster?: Broadcaster, log?: unknown): Promise<void>
  rollback(transaction: SqlTransaction, broadcaster?: Broadcaster, log?: unknown): Promise<void>
  transactional<R>(body: (transaction: SqlTransaction) => Promise<R>, options?: BeginOptions): Promise<R>
}

export interface EntityMetadata {
  readonly className: string
  readonly class: EntityClass
  readonly root: EntityMetadata
  readonly primaryKeys: readonly string[]
  readonly versionProperty?: string | undefined
  readonly inheritanceType?: string | undefined
  readonly abstract?: boolean | undefined
  readonly embeddable?: boolean | undefined
  readonly pivotTable?: boolean | undefined
  readonly virtual?: boolean | undefined
  readonly properties: Readonly<Record<string, EntityProperty>>
}

export interface EntityProperty {
  readonly type: string
  /** The type in JavaScript: `number`, `string`, `Date`. */
  readonly runtimeType?: string | undefined
  readonly customType?: object | undefined
  readonly columnTypes?: readonly string[] | undefined
  readonly targetMeta?: EntityMetadata | undefined
  readonly eager?: boolean | undefined
  readonly lazy?: boolean | undefined
  readonly formula?: unknown
}
