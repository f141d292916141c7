import type { PlainRows } from './plain-rows.ts'
import { isColumn, tableId, type DrizzleModel } from './drizzle-tables.ts'
import type {
  BuiltQuery,
  DrizzleHandle,
  DrizzleSession,
  MapperGenerators,
  PreparedQuery,
  RelationalBuilder,
  RelationalQuery,
  SelectedField,
} from './drizzle-types.ts'

type Call = (...args: unknown[]) => unknown
type Rows = Readonly<Record<string, unknown>>

/** By table: the names of its relations, and their tables. */
export type TableRelations = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Where a row of a model lies in a row of an answer: at the top, or under the name of a joined table. */
interface Place {
  readonly under: string | undefined
  readonly model: DrizzleModel
}

/** The rows of a union may come from any of its tables. */
const setOperation = /[\s)](union|intersect|except)[\s(]/i

/**
 * Makes the rows of a database known: it watches queries being prepared, where Drizzle says which column of the answer
 * goes where. Relational queries say it by their relations.
 */
export class DrizzleRows {
  readonly #rows: PlainRows
  readonly #models: ReadonlyMap<string, DrizzleModel>
  readonly #relations: TableRelations
  readonly #watched = new WeakSet<object>()
  /** 1.0: the places of the rows that a mapper makes. */
  readonly #mapped = new WeakMap<object, readonly Place[]>()

  constructor(rows: PlainRows, models: ReadonlyMap<string, DrizzleModel>, relations: TableRelations) {
    this.#rows = rows
    this.#models = models
    this.#relations = relations
  }

  watch(handle: DrizzleHandle): void {
    const { dialect, session } = handle
    if (dialect.mapperGenerators) this.#once(dialect.mapperGenerators, (generators) => this.#watchMappers(generators))
    this.#once(session, () => this.#watchSession(session))
    if (handle.query) handle.query = this.#watchedQuery(handle.query)
  }

  /** Makes rows of a table known, and the related rows in them. */
  tag(table: string, value: unknown): void {
    if (Array.isArray(value)) {
      for (const row of value) this.tag(table, row)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const model = this.#models.get(table)
    if (model) this.#rows.tag(value, model)
    for (const [name, target] of this.#relations.get(table) ?? []) {
      if (Object.hasOwn(value, name)) this.tag(target, (value as Rows)[name])
    }
  }

  #once<T extends object>(target: T, watch: (target: T) => void): void {
    if (this.#watched.has(target)) return
    this.#watched.add(target)
    watch(target)
  }

  #watchMappers(generators: MapperGenerators): void {
    const rows = generators.rows.bind(generators)
    generators.rows = (fields, ...rest) => {
      const mapper = rows(fields, ...rest)
      this.#mapped.set(mapper, this.#places(fields))
      return mapper
    }
  }

  #watchSession(session: DrizzleSession): void {
    const prepare = session.prepareQuery.bind(session)
    session.prepareQuery = (query: BuiltQuery, ...rest: unknown[]) => {
      const prepared = prepare(query, ...rest)
      const { mapper } = prepared
      const places = typeof mapper === 'function' ? this.#mapped.get(mapper) : this.#places(fieldsOf(rest[0]))
      if (places && places.length > 0 && !setOperation.test(query._sql?.join(' ') ?? query.sql)) {
        onAnswer(prepared, (answer) => this.#tagPlaces(places, answer))
      }
      return prepared
    }
  }

  /** Each transaction has query builders of its own, and most use few: they are made known when asked for. */
  #watchedQuery(query: Readonly<Record<string, RelationalBuilder>>): Readonly<Record<string, RelationalBuilder>> {
    return new Proxy(query, {
      get: (target, name) => {
        const builder: unknown = Reflect.get(target, name, target)
        if (typeof builder === 'object' && builder !== null) this.#once(builder, () => this.#watchBuilder(builder))
        return builder
      },
    })
  }

  #watchBuilder(builder: object): void {
    const { table } = builder as { readonly table?: unknown }
    for (const name of ['findMany', 'findFirst'] as const) {
      const find = (builder as RelationalBuilder)[name].bind(builder)
      ;(builder as RelationalBuilder)[name] = (config) => {
        const query = find(config)
        const by = query._prepare ? '_prepare' : 'prepare'
        const prepare = query[by]?.bind(query) as RelationalQuery['prepare']
        query[by] = (...args) => onAnswer(prepare(...args), (answer) => this.tag(tableId(table), answer))
        return query
      }
    }
  }

  /** Only objects whose every field is a column of one table, under its own name, are rows of it. */
  #places(fields: readonly SelectedField[]): readonly Place[] {
    const groups = Map.groupBy(fields, ({ path }) => path.slice(0, -1).join('.'))
    return Array.from(groups).flatMap(([under, group]): Place[] => {
      const first = group[0]?.field
      const model = isColumn(first) ? this.#models.get(tableId(first.table)) : undefined
      const isRow =
        model && group.every(({ path, field }) => isColumn(field) && isColumnOf(model, field, path.at(-1) ?? ''))
      return isRow ? [{ under: under === '' ? undefined : under, model }] : []
    })
  }

  #tagPlaces(places: readonly Place[], answer: unknown): void {
    for (const row of Array.isArray(answer) ? answer : [answer]) {
      if (typeof row !== 'object' || row === null) continue
      for (const { under, model } of places) {
        const place: unknown = under === undefined ? row : (row as Rows)[under]
        if (typeof place === 'object' && place !== null) this.#rows.tag(place, model)
      }
    }
  }
}

function isColumnOf(
  model: DrizzleModel,
  field: { readonly name: string; readonly table: object },
  name: string,
): boolean {
  return tableId(field.table) === tableId(model.table) && model.columns[name]?.name === field.name
}

/** Before 1.0 the fields are an argument. */
function fieldsOf(argument: unknown): readonly SelectedField[] {
  return Array.isArray(argument) ? (argument as SelectedField[]) : []
}

/** 1.0 makes rows with `mapper`; before, each way to run a query does it. */
function onAnswer(prepared: PreparedQuery, seen: (answer: unknown) => void): PreparedQuery {
  const names = typeof prepared['mapper'] === 'function' ? ['mapper'] : ['execute', 'all', 'get', 'mapResult']
  for (const name of names) {
    const run = prepared[name]
    if (typeof run !== 'function') continue
    prepared[name] = (...args: unknown[]) => {
      const answer: unknown = (run as Call).apply(prepared, args)
      if (!(answer instanceof Promise)) {
        seen(answer)
        return answer
      }
      return answer.then((rows: unknown) => {
        seen(rows)
        return rows
      })
    }
  }
  return prepared
}

/** The relations that a database was given for relational queries. */
export function relationsOf({ _: known }: DrizzleHandle): TableRelations {
  const tables = Object.entries(known.relations ?? known.schema ?? {})
  return new Map(
    tables.map(([name, { table, relations = {} }]) => [
      tableId(table ?? known.fullSchema?.[name]),
      new Map(
        Object.entries(relations).map(([field, { targetTable, referencedTable }]) => [
          field,
          tableId(targetTable ?? referencedTable),
        ]),
      ),
    ]),
  )
}
