/** Sequelize's `Sequelize`. Nothing of it is imported. */
export interface SequelizeInstance {
  readonly models: Readonly<Record<string, object>>
  getDialect(): string
  getQueryInterface(): object
}

/** A class of the user that extends Sequelize's `Model`. */
export type ModelClass = abstract new (...args: never[]) => object

/** What is needed of `SequelizeInstance` inside, by shape. */
export interface OpenSequelize {
  readonly models: Readonly<Record<string, RowModel>>
  readonly options: {
    readonly replication?: { readonly read?: readonly unknown[] } | false | undefined
    readonly storage?: unknown
    readonly host?: unknown
  }
  /** `lib` is the driver. */
  readonly connectionManager: { lib?: { readonly Client?: unknown } }
  getDialect(): string
  getQueryInterface(): QueryInterface
  query(sql: unknown, options?: { readonly transaction?: unknown; readonly type?: string }): Promise<unknown>
  transaction(...args: unknown[]): Promise<unknown>
}

/** Through it pass the statements of every transaction. */
interface QueryInterface {
  startTransaction(transaction: SequelizeTransaction, options: unknown): Promise<unknown>
  commitTransaction(transaction: SequelizeTransaction, options: unknown): Promise<unknown>
  rollbackTransaction(transaction: SequelizeTransaction, options: unknown): Promise<unknown>
}

/** A transaction, or a savepoint in its `parent`. */
export interface SequelizeTransaction {
  readonly parent?: SequelizeTransaction | null | undefined
  readonly finished?: 'commit' | 'rollback' | undefined
  commit(): Promise<void>
}

/** A model class. */
export interface RowModel {
  readonly name: string
  readonly sequelize?: object
  readonly primaryKeyAttributes: readonly string[]
  readonly rawAttributes: Readonly<Record<string, Attribute>>
  readonly options: { readonly defaultScope?: object | undefined }
  readonly _versionAttribute?: string | undefined
  readonly _timestampAttributes: { readonly updatedAt?: string | undefined }
  unscoped(): RowModel
  findAll(options: object): Promise<object[]>
  build(values: object, options: object): object
  hasHook(name: string): boolean
}

export interface Attribute {
  readonly type: { readonly key?: string; readonly _length?: number | string | undefined; readonly _binary?: boolean }
}

/** An instance of a model. */
export interface Row {
  readonly isNewRecord: boolean
  readonly dataValues: Readonly<Record<string, unknown>>
  readonly _options?: { readonly include?: unknown; readonly attributes?: readonly string[] }
}
