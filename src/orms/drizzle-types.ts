/** What is needed of a Drizzle database, by shape: nothing of Drizzle is imported. */
export interface DrizzleLike {
  select(...args: never[]): unknown
  transaction(...args: never[]): unknown
}

/** The `sql` tag of the Drizzle that made the tables. */
export interface DrizzleSqlLike {
  (strings: TemplateStringsArray, ...values: never[]): object
  raw(text: string): object
  param(value: never, encoder?: never): object
  join(chunks: never[], separator?: never): object
}

/** A database, or the handle of an open transaction, as it is at run time. */
export interface DrizzleHandle {
  readonly session: DrizzleSession
  readonly dialect: { readonly mapperGenerators?: MapperGenerators; readonly shapeGenerator?: unknown }
  readonly _: {
    /** Of relational queries: `relations` in 1.0, `schema` and `fullSchema` before. */
    readonly relations?: Readonly<Record<string, RelationalTable>>
    readonly schema?: Readonly<Record<string, RelationalTable>>
    readonly fullSchema?: Readonly<Record<string, unknown>>
  }
  readonly resultKind?: 'sync' | 'async'
  readonly $client?: unknown
  readonly $primary?: DrizzleHandle
  /** One of the replicas: 1.0 reads from them only by this name. */
  readonly $replica?: DrizzleHandle
  readonly $replicas?: readonly DrizzleHandle[]
  query?: Readonly<Record<string, RelationalBuilder>> | undefined
  transaction: (body: (tx: DrizzleHandle) => unknown, ...rest: unknown[]) => unknown
  select(): { from(table: DrizzleTable): SelectQuery }
  execute?(query: object): Promise<unknown>
  all?(query: object): unknown
  run?(query: object): unknown
}

export interface DrizzleSession {
  prepareQuery: (query: BuiltQuery, ...rest: unknown[]) => PreparedQuery
}

export interface BuiltQuery {
  readonly sql: string
  /** The text in pieces, in some queries of 1.0. */
  readonly _sql?: readonly string[]
}

/** Runs; `mapper` makes the rows in 1.0. */
export type PreparedQuery = Record<string, unknown>

type RowMapper = (rows: unknown) => unknown

/** 1.0 makes a function that maps the answers to a query, from the fields of the query. */
export interface MapperGenerators {
  rows: (fields: readonly SelectedField[], ...rest: unknown[]) => RowMapper
}

/** Where a column of the answer goes in a row. */
export interface SelectedField {
  readonly path: readonly string[]
  readonly field: unknown
}

interface RelationalTable {
  /** 1.0 only. */
  readonly table?: DrizzleTable
  readonly relations?: Readonly<
    Record<string, { readonly targetTable?: DrizzleTable; readonly referencedTable?: DrizzleTable }>
  >
}

export interface RelationalBuilder {
  findMany: (config?: object) => RelationalQuery
  findFirst: (config?: object) => RelationalQuery
}

export interface RelationalQuery extends PromiseLike<object[]> {
  _prepare?: (...args: unknown[]) => PreparedQuery
  /** Public, and of MySQL the only one. */
  prepare: (...args: unknown[]) => PreparedQuery
}

interface SelectQuery extends PromiseLike<object[]> {
  where(condition: object): SelectQuery
  for?(strength: 'update' | 'share'): SelectQuery
}

export interface DrizzleColumn {
  readonly name: string
  readonly primary: boolean
  readonly table: DrizzleTable
  /** `number`, in 1.0 with more: `number int32`. */
  readonly dataType: string
  getSQLType(): string
}

export type DrizzleTable = object
