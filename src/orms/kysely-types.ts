/** What is needed of Kysely, by shape: its `Kysely<DB>` fits, and nothing of it is imported. */
export interface KyselyDatabase {
  readonly isTransaction: boolean
  insertInto(table: never): object
  transaction(): object
  startTransaction(): object
  getExecutor(): object
  destroy(): Promise<void>
}

/** The names of the tables of a `Kysely<DB>`. */
export type KyselyTable<Db extends KyselyDatabase> = Db extends { insertInto: (table: infer Table) => unknown }
  ? [Table] extends [never]
    ? string
    : Table & string
  : string

/** A `Kysely` or one of its transactions, as the adapter itself uses it. */
export interface Queries {
  selectFrom(table: string): SelectQuery
  withoutPlugins(): Queries
  executeQuery(query: CompiledQuery): Promise<QueryResult>
  transaction(): { execute<R>(body: (tx: object) => Promise<R>): Promise<R> }
  getExecutor(): Executor
}

export interface SelectQuery {
  selectAll(): SelectQuery
  select(columns: readonly string[]): SelectQuery
  where(condition: (build: ExpressionBuilder) => unknown): SelectQuery
  where(column: string, operator: 'in' | 'is' | '=', value: unknown): SelectQuery
  forUpdate(): SelectQuery
  forShare(): SelectQuery
  modifyEnd(modifier: { toOperationNode(): Node }): SelectQuery
  compile(): CompiledQuery
  execute(): Promise<object[]>
}

interface ExpressionBuilder {
  readonly eb: ((left: unknown, operator: string, right: unknown) => unknown) & {
    readonly and: (conditions: readonly unknown[]) => unknown
    readonly or: (conditions: readonly unknown[]) => unknown
  }
  refTuple(...columns: readonly string[]): unknown
  tuple(...values: readonly unknown[]): unknown
}

export interface CompiledQuery {
  readonly query: Node
  readonly queryId: { readonly queryId: string }
  readonly sql: string
  readonly parameters: readonly unknown[]
}

export interface QueryResult {
  readonly rows: readonly object[]
}

/** Compiles and runs the statements of a `Kysely` and of whatever is derived from it. */
export interface Executor {
  executeQuery(query: CompiledQuery, ...rest: readonly unknown[]): Promise<QueryResult>
  stream(query: CompiledQuery, ...rest: readonly unknown[]): AsyncIterable<QueryResult>
}

/** A part of a statement. The fields are those of the kinds that matter here. */
export interface Node {
  readonly kind: string
  readonly sqlFragments?: readonly string[]
  readonly parameters?: readonly Node[]
  readonly from?: { readonly froms: readonly Node[] }
  readonly joins?: readonly { readonly table: Node }[]
  readonly into?: Node
  readonly selections?: readonly { readonly selection: Node }[]
  readonly returning?: Node
  readonly groupBy?: Node
  readonly setOperations?: readonly Node[]
  readonly frontModifiers?: readonly Node[]
  readonly with?: { readonly expressions: readonly { readonly name: { readonly table: Node } }[] }
  /** A TableNode holds its name here, an UpdateQueryNode its TableNode, a reference the table that it is of. */
  readonly table?: Node
  readonly schema?: Node
  readonly identifier?: Node
  readonly name?: string
  readonly node?: Node
  readonly alias?: Node
  readonly column?: Node
}
