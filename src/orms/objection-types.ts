/** What is needed of Knex, by shape: its `Knex` and `Knex.Transaction` fit, and nothing of it is imported. */
export interface KnexDatabase {
  readonly client: object
  destroy(): Promise<void>
  raw(...args: never[]): unknown
  transaction(...args: never[]): unknown
}

/** What is needed of Objection's model classes. */
export interface ObjectionModelClass {
  new (): object
  readonly prototype: object
  readonly name: string
  readonly tableName: string
  readonly idColumn: string | string[]
  columnNameToPropertyName(column: string): string
  propertyNameToColumnName(property: string): string
}

/** A Knex or one of its transactions, as the adapter itself uses it. */
export interface KnexQueries {
  readonly client: KnexClient
  raw(sql: string, bindings: readonly unknown[]): Promise<unknown>
  transaction<R>(body: (trx: KnexTransaction) => Promise<R>): Promise<R>
}

export interface KnexTransaction extends KnexQueries {
  readonly executionPromise: Promise<unknown>
  commit(value?: unknown): Promise<unknown>
  rollback(error?: unknown): Promise<unknown>
}

/** All transactions, nested ones and those of Objection too, pass its `transaction`. */
export interface KnexClient {
  readonly dialect: string
  readonly config: { readonly connection?: unknown }
  transaction: (this: KnexClient, container: Container, config: unknown, outer: OuterTransaction) => RunningTransaction
}

export type Container = (trx: KnexTransaction) => unknown
export type OuterTransaction = { readonly transactor?: KnexTransaction } | null | undefined

/** Awaited by users; `_promise` is what its `then`, `catch`, `finally` and `asCallback` answer with. */
export interface RunningTransaction {
  _promise: Promise<unknown>
}

export interface ModelQueries {
  query(knex: object): ModelQuery
}

export interface ModelQuery extends PromiseLike<object[]> {
  context(values: object): this
  findByIds(keys: readonly unknown[]): this
  whereNull(column: string): this
  withGraphFetched(expression: string): this
  forUpdate(): this
  forShare(): this
}
