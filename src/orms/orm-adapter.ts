import type { Key } from '../protocol/model-reference.ts'

/** One kind of row that may travel as a reference. */
export interface ModelInfo {
  /** `app.Model`, as a Python peer's `Model._meta.label` says it. */
  readonly label: string
  /** Other labels accepted when a message names them: renamed models. */
  readonly aliases?: readonly string[]
  /** The names of the primary key's parts, in the order in which they travel. */
  readonly key: readonly string[]
  /** The label of the root of a class hierarchy in one table; rows are fetched through it. */
  readonly root?: string
  /** The class, for `app.models.ref(Order, 42)`, or whatever else stands for the model in the ORM. */
  readonly handle: unknown
}

/** What an instance says about itself without asking the database. */
export interface Identity {
  readonly model: ModelInfo
  /** `undefined` for an instance that is not saved, or was loaded without its key. */
  readonly key: Key | undefined
  /** Grows with each update of the row: a number, or an ISO time. */
  readonly version?: number | string
}

export interface FetchOptions<Tx = object> {
  /** Read from the primary, never from a replica. */
  readonly primary: boolean
  /** Read inside this open transaction. */
  readonly tx?: Tx
  /** Names of relations to load with the rows, dotted for those of relations. */
  readonly relations?: readonly string[]
  /** Hold the rows until the transaction `tx` ends. */
  readonly lock?: 'update' | 'share'
  /** Leave out rows that are soft-deleted or outside default scopes. */
  readonly hideDeleted?: boolean
}

/** The databases whose SQL the outbox speaks. */
export type SqlDialect = 'postgres' | 'mysql' | 'sqlite'

/** What the transactions of an ORM can do for celeriac. */
export interface OrmTransactions {
  readonly dialect: SqlDialect
  /**
   * SQLite only: the path of the file, so that celeriac may open a connection of its own. ORMs share one connection there,
   * and what runs on it meanwhile would become part of the user's transaction. Undefined for a database in memory.
   */
  readonly file?: string
  /** Makes them known, from now on, however they begin. */
  install(hooks: TransactionHooks): InstalledTransactions
  /** Runs `body` in a transaction of its own. Throws what `body` or the COMMIT throws. */
  run<R>(body: (tx: object) => Promise<R>): Promise<R>
  /** One statement on the connection of `tx`, a handle that a user may pass; placeholders as the dialect has them ($1 or ?). */
  execute(tx: object, sql: string, params: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** An open transaction or savepoint, as the adapter reports its end. Ending it twice is harmless. */
export interface TransactionScope {
  readonly isOpen: boolean
  committed(): void
  rolledBack(): void
  /** Runs what waited for the commit, if this was the outermost transaction. Never rejects. */
  flush(): Promise<void>
}

export interface TransactionHooks {
  /** `parent` is given for a savepoint. */
  begin(tx: object, parent: TransactionScope | undefined): TransactionScope
  /** Runs `body` with the transaction current. */
  run<R>(scope: TransactionScope, body: () => R): R
}

export interface InstalledTransactions {
  /** The innermost open scope of a handle that a user may pass, or `undefined` if it is none of this ORM's. */
  find(tx: object): TransactionScope | undefined
  uninstall(): void
}

/** One connected ORM: knows its instances, and fetches rows by key. Adapters import no ORM; users bring theirs. */
export interface OrmAdapter<Tx extends object = object> {
  /** For messages: `typeorm`. */
  readonly name: string
  /** Alias that travels with each reference, for a second database with the same labels. */
  readonly db?: string
  /** True if reads may come from a replica that lags behind. */
  readonly replicated?: boolean
  models(): Iterable<ModelInfo>
  /** Called for every object among the arguments: cheap, no I/O. `undefined`: not an instance of this ORM. */
  identify(value: object): Identity | undefined
  /**
   * The rows of these keys in any order, soft-deleted ones and those outside default scopes included (unless
   * `hideDeleted`); missing rows are left out. One query, or as few as the driver's limits allow. Called for a hierarchy's root.
   */
  fetch(model: ModelInfo, keys: readonly Key[], options: FetchOptions<Tx>): Promise<readonly object[]>
  /** A second instance of a row just fetched that shares nothing with it, or `undefined` if only a query can make one. */
  copy?(row: object): object | undefined
  /** True if the error says that the database is away, which says nothing about the row. */
  isUnavailable?(error: unknown): boolean
  /** Wraps one attempt of a task in a unit of work. Rows are then fetched inside it, never together with other tasks. */
  runTask?<R>(body: () => Promise<R>): Promise<R>
  readonly transactions?: OrmTransactions
  close?(): Promise<void>
}
