import { DatabaseUnavailable, UnidentifiableInstance } from '../errors.ts'
import type { FetchOptions, ModelInfo, OrmAdapter } from '../orms/orm-adapter.ts'
import type { Key } from '../protocol/model-reference.ts'
import { withDatabase } from './database-errors.ts'
import type { RegisteredModel } from './model-registry.ts'
import { keyText } from './row-key.ts'

/** What is looked for, by `keyText`. */
export type Wanted = ReadonlyMap<string, { readonly key: Key }>
export type Rows = ReadonlyMap<string, object>

/** One task that waits for rows of one model. */
interface Holder {
  readonly wanted: Wanted
  readonly found: Map<string, object>
  resolve(rows: Rows): void
  reject(error: unknown): void
}

/**
 * Reads rows by key. What tasks ask for in one turn of the event loop is read with one query per model, but no row
 * object is given to two of them. Nothing is kept: a row is always read after it was asked for.
 */
export class RowLoader {
  readonly #batches = new Map<ModelInfo, Map<string, Holder[]>>()

  /** Rows by `keyText`; missing rows are left out. Throws DatabaseUnavailable. */
  read(model: RegisteredModel, wanted: Wanted, options: FetchOptions): Promise<Rows> {
    if (options.tx || model.adapter.runTask) return fetchRows(model, wanted, options)
    const batches = this.#batchesOf(model.root)
    const name = batchName(options)
    return new Promise((resolve, reject) => {
      const holder = { wanted, found: new Map<string, object>(), resolve, reject }
      const batch = batches.get(name)
      if (batch) {
        batch.push(holder)
        return
      }
      const holders = [holder]
      batches.set(name, holders)
      // After all that this turn has still to do, but before the event loop looks for anything new.
      process.nextTick(() => {
        batches.delete(name)
        void readTogether(model, holders, options)
      })
    })
  }

  #batchesOf(root: ModelInfo): Map<string, Holder[]> {
    let batches = this.#batches.get(root)
    if (!batches) this.#batches.set(root, (batches = new Map()))
    return batches
  }
}

/** One query can serve all who read alike. */
function batchName({ primary, relations, hideDeleted }: FetchOptions): string {
  if (!relations && hideDeleted !== true) return primary ? 'primary' : 'replica'
  return JSON.stringify([primary, hideDeleted === true, relations])
}

/** Never rejects. A key that the database chokes on fails only the task that brought it. */
async function readTogether(model: RegisteredModel, holders: readonly Holder[], options: FetchOptions): Promise<void> {
  const [holder] = holders
  try {
    if (holder && holders.length === 1) return holder.resolve(await fetchRows(model, holder.wanted, options))
    await shareRows(model, holders, options)
  } catch (error) {
    if (holders.length === 1 || error instanceof DatabaseUnavailable) {
      for (const each of holders) each.reject(error)
      return
    }
    const half = Math.ceil(holders.length / 2)
    await readTogether(model, holders.slice(0, half), options)
    await readTogether(model, holders.slice(half), options)
    return
  }
  for (const each of holders) each.resolve(each.found)
}

/** Whoever cannot have a row object of his own from this query is served by the next one. */
async function shareRows(model: RegisteredModel, holders: readonly Holder[], options: FetchOptions): Promise<void> {
  let waiting: readonly { readonly holder: Holder; readonly wanted: Wanted }[] = holders.map((holder) => ({
    holder,
    wanted: holder.wanted,
  }))
  while (waiting.length > 0) {
    const union = new Map(waiting.flatMap(({ wanted }) => [...wanted]))
    const rows = await fetchRows(model, union, options)
    const taken = new Set<string>()
    const related = new Set<object>()
    waiting = waiting.flatMap(({ holder, wanted }) => {
      const left = options.relations
        ? takeGraphs(holder, wanted, rows, related, options.relations)
        : take(holder, wanted, rows, taken, model.adapter)
      return left.size > 0 ? [{ holder, wanted: left }] : []
    })
  }
}

/** Gives the holder its rows, and returns those that others took and that cannot be copied. */
function take(holder: Holder, wanted: Wanted, rows: Rows, taken: Set<string>, adapter: OrmAdapter): Wanted {
  const left = new Map<string, { readonly key: Key }>()
  for (const [text, reference] of wanted) {
    const row = rows.get(text)
    if (!row) continue
    const own = taken.has(text) ? adapter.copy?.(row) : row
    taken.add(text)
    if (own) holder.found.set(text, own)
    else left.set(text, reference)
  }
  return left
}

/** With relations nothing is copied, and an ORM may hang one related object on many rows: those are read again as well. */
function takeGraphs(
  holder: Holder,
  wanted: Wanted,
  rows: Rows,
  taken: Set<object>,
  relations: readonly string[],
): Wanted {
  const left = new Map<string, { readonly key: Key }>()
  const own = new Set<object>()
  for (const [text, reference] of wanted) {
    const row = rows.get(text)
    if (!row) continue
    const graph = [row, ...relations.flatMap((path) => relatedObjects(row, path.split('.')))]
    if (graph.some((object) => taken.has(object))) {
      left.set(text, reference)
      continue
    }
    for (const object of graph) own.add(object)
    holder.found.set(text, row)
  }
  for (const object of own) taken.add(object)
  return left
}

function relatedObjects(row: object, [name = '', ...rest]: readonly string[]): object[] {
  const value: unknown = (row as Readonly<Record<string, unknown>>)[name]
  const related = [value].flat().filter((each): each is object => typeof each === 'object' && each !== null)
  return rest.length === 0 ? related : [...related, ...related.flatMap((each) => relatedObjects(each, rest))]
}

async function fetchRows({ adapter, root }: RegisteredModel, wanted: Wanted, options: FetchOptions): Promise<Rows> {
  const keys = Array.from(wanted.values(), ({ key }) => key)
  const rows = await withDatabase(adapter, () => adapter.fetch(root, keys, options), options.tx !== undefined)
  const found = new Map<string, object>()
  let strangers: Map<string, object> | undefined
  for (const row of rows) {
    const key = adapter.identify(row)?.key
    if (key === undefined) {
      throw new UnidentifiableInstance(`a row of ${root.label} was read without its ${root.key.join(' and ')}`)
    }
    const text = keyText(key)
    if (wanted.has(text)) found.set(text, row)
    else (strangers ??= new Map()).set(folded(text), row)
  }
  if (strangers) matchFolded(found, wanted, strangers)
  return found
}

/** The database may see two spellings of a key as one: collations without case, CHAR padding. Nothing else is accepted. */
function matchFolded(found: Map<string, object>, wanted: Wanted, strangers: Rows): void {
  for (const text of wanted.keys()) {
    const row = found.has(text) ? undefined : strangers.get(folded(text))
    if (row) found.set(text, row)
  }
}

function folded(text: string): string {
  return text.toLowerCase().trimEnd()
}
