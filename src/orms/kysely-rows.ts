import type { CompiledQuery, Executor, Node, Queries, QueryResult } from './kysely-types.ts'

/** A table whose rows are a model's, as statements name it once all plugins have changed them. */
export interface RowTable<Model> {
  readonly model: Model
  readonly schema: string | undefined
  readonly name: string
  readonly keyColumns: readonly string[]
  /** The key's names in rows, in the same order. */
  readonly key: readonly string[]
}

/** How statements of this `Kysely`, with its plugins, name a table and its key; `undefined` if it is no plain table. */
export function rowTable<Model>(
  db: Queries,
  model: Model,
  table: string,
  key: readonly string[],
): RowTable<Model> | undefined {
  const { query } = db.selectFrom(table).select(key).compile()
  const source = sourcesOf(query)[0]
  const keyColumns = (query.selections ?? []).map(({ selection }) => columnName(selection))
  if (source?.table === undefined || source.as !== source.table || !keyColumns.every((name) => name !== undefined))
    return undefined
  return { model, schema: source.schema, name: source.table, keyColumns, key }
}

/**
 * Tells of which model the rows are that statements give, by the statement: rows themselves are plain objects. A row is
 * a model's if all its columns but the aliased ones come from one table, and its key was not put together otherwise.
 */
export class RowTags<Model> {
  readonly #tables: readonly RowTable<Model>[]
  readonly #tag: (row: object, model: Model) => void

  constructor(tables: readonly RowTable<Model>[], tag: (row: object, model: Model) => void) {
    this.#tables = tables
    this.#tag = tag
  }

  /** Tags what the executor gives from now on, and what the executors derived from it give. */
  follow(executor: Executor): void {
    const executeQuery = executor.executeQuery.bind(executor)
    executor.executeQuery = async (query, ...rest) => this.#tagged(query, await executeQuery(query, ...rest))
    const stream = executor.stream.bind(executor)
    const tagged = (query: CompiledQuery, result: QueryResult): QueryResult => this.#tagged(query, result)
    executor.stream = async function* (query, ...rest) {
      for await (const result of stream(query, ...rest)) yield tagged(query, result)
    }
    const derive = executor as unknown as Record<string, ((...args: readonly unknown[]) => Executor) | undefined>
    for (const name of derivations) {
      const original = derive[name]?.bind(executor)
      if (!original) continue
      derive[name] = (...args) => {
        const derived = original(...args)
        this.follow(derived)
        return derived
      }
    }
  }

  #tagged(query: CompiledQuery, result: QueryResult): QueryResult {
    if (result.rows.length === 0) return result
    const table = this.#tableOf(query.query)
    if (!table) return result
    for (const row of result.rows) {
      // an outer join gives rows of nulls
      const isRow = table.key.every((name) => (row as Record<string, unknown>)[name] !== null)
      if (isRow) this.#tag(row, table.model)
    }
    return result
  }

  #tableOf(query: Node): RowTable<Model> | undefined {
    const selections = query.kind === 'SelectQueryNode' ? query.selections : query.returning?.selections
    if (!selections || query.kind === 'DeleteQueryNode' || query.setOperations) return undefined
    const source = soleSource(
      sourcesOf(query),
      selections.map(({ selection }) => selection),
    )
    const table = source && this.#tables.find(({ name, schema }) => name === source.table && schema === source.schema)
    if (!table) return undefined
    const names = new Set(selections.map(({ selection }) => columnName(selection)))
    const aliases = selections.flatMap(({ selection }) =>
      selection.kind === 'AliasNode' ? [selection.alias?.name] : [],
    )
    if (aliases.some((alias) => alias === undefined || table.keyColumns.includes(alias))) return undefined
    const hasKey = names.has('*') || table.keyColumns.every((name) => names.has(name))
    // one column of many rows, a count or a sum is a value; some columns of one row are a row that lacks its key
    const isReduced = aliases.length > 0 || query.groupBy !== undefined || query.frontModifiers !== undefined
    return hasKey || !isReduced ? table : undefined
  }
}

const derivations = ['withPlugin', 'withPlugins', 'withPluginAtFront', 'withoutPlugins', 'withConnectionProvider']

interface Source {
  /** By which columns name it. */
  readonly as: string | undefined
  readonly schema: string | undefined
  /** `undefined` for what is no table: subqueries and common table expressions. */
  readonly table: string | undefined
}

function sourcesOf(query: Node): readonly Source[] {
  const ctes = new Set(query.with?.expressions.map(({ name }) => tableName(name.table)))
  const nodes = [
    ...(query.kind === 'UpdateQueryNode' && query.table ? [query.table] : []),
    ...(query.into ? [query.into] : []),
    ...(query.from?.froms ?? []),
    ...(query.joins ?? []).map(({ table }) => table),
  ]
  return nodes.map((node) => {
    const table = node.kind === 'AliasNode' ? node.node : node
    const name = table?.kind === 'TableNode' ? tableName(table) : undefined
    const schema = table?.table?.schema?.name
    const isTable = name !== undefined && (schema !== undefined || !ctes.has(name))
    return { as: node.kind === 'AliasNode' ? node.alias?.name : name, schema, table: isTable ? name : undefined }
  })
}

/** From which of the sources all columns that are not aliased come, if it is one and it is known. */
function soleSource(sources: readonly Source[], selections: readonly Node[]): Source | undefined {
  let sole: Source | undefined
  for (const selection of selections) {
    if (selection.kind === 'AliasNode') continue
    if (columnName(selection) === undefined) return undefined
    const of = selection.table && tableName(selection.table)
    const source = sources.length === 1 || of === undefined ? sources[0] : sources.find(({ as }) => as === of)
    const isAmbiguous = of === undefined && sources.length > 1
    if (!source || isAmbiguous || (sole && sole !== source)) return undefined
    sole = source
  }
  return sole
}

function tableName({ table }: Node): string | undefined {
  return table?.identifier?.name
}

/** The name of a column that is selected as it is, `*` for all of them, `undefined` for anything else. */
function columnName(selection: Node): string | undefined {
  if (selection.kind === 'SelectAllNode') return '*'
  if (selection.kind === 'ReferenceNode') return selection.column && columnName(selection.column)
  return selection.kind === 'ColumnNode' ? selection.column?.name : undefined
}
