import type { Key } from '../protocol/model-reference.ts'
import { copyColumns } from './copy-columns.ts'
import { conditions, foldedKey, keyOf } from './mikro-orm-keys.ts'
import type { EntityMetadata, RowData, UnitOfWork } from './mikro-orm-types.ts'

/** One task that waits for rows of one entity. */
interface Reader {
  readonly keys: readonly Key[]
  readonly unit: UnitOfWork
  readonly resolve: (rows: readonly object[]) => void
  readonly reject: (error: unknown) => void
}

type Batches = Map<EntityMetadata, Reader[]>

/**
 * Reads rows for the units of work of many tasks: one query per entity for all that is asked for in one turn of the
 * event loop, and in each unit of work entities of its own.
 */
export class SharedReads {
  readonly #fork: () => UnitOfWork
  readonly #batches: Readonly<Record<'read' | 'write', Batches>> = { read: new Map(), write: new Map() }

  /** `fork` makes an empty unit of work outside any context. */
  constructor(fork: () => UnitOfWork) {
    this.#fork = fork
  }

  read(
    metadata: EntityMetadata,
    keys: readonly Key[],
    unit: UnitOfWork,
    from: 'read' | 'write',
  ): Promise<readonly object[]> {
    return new Promise((resolve, reject) => {
      const reader = { keys, unit, resolve, reject }
      const batches = this.#batches[from]
      const batch = batches.get(metadata)
      if (batch) {
        batch.push(reader)
        return
      }
      const readers = [reader]
      batches.set(metadata, readers)
      setImmediate(() => {
        batches.delete(metadata)
        void this.#serve(metadata, readers, from)
      })
    })
  }

  /** Never rejects. A key that is no value for its column fails only the task that brought it. */
  async #serve(metadata: EntityMetadata, readers: readonly Reader[], from: 'read' | 'write'): Promise<void> {
    try {
      const rows = await this.#rows(metadata, readers, from)
      await Promise.all(readers.map((reader) => give(metadata, reader, rows)))
    } catch (error) {
      if (readers.length === 1 || !isAboutValues(error)) {
        for (const reader of readers) reader.reject(error)
        return
      }
      const half = Math.ceil(readers.length / 2)
      await this.#serve(metadata, readers.slice(0, half), from)
      await this.#serve(metadata, readers.slice(half), from)
    }
  }

  /** Rows by `foldedKey`. */
  async #rows(
    metadata: EntityMetadata,
    readers: readonly Reader[],
    from: 'read' | 'write',
  ): Promise<ReadonlyMap<string, readonly RowData[]>> {
    const keys = new Map(readers.flatMap((reader) => reader.keys.map((key) => [foldedKey(key), key])))
    const scratch = this.#fork()
    const rows: RowData[] = []
    for (const where of conditions(metadata, readers.length === 1 ? (readers[0]?.keys ?? []) : [...keys.values()])) {
      rows.push(
        ...(await scratch.createQueryBuilder(metadata.class, 'model', from).select('*').where(where).execute('all')),
      )
    }
    return Map.groupBy(rows, (row) => foldedKey(keyOf(metadata, entityFrom(scratch, metadata, row)) ?? []))
  }
}

async function give(
  metadata: EntityMetadata,
  { keys, unit, resolve, reject }: Reader,
  rows: ReadonlyMap<string, readonly RowData[]>,
): Promise<void> {
  try {
    const copies = [...new Set(keys.map(foldedKey))].flatMap((key) =>
      (rows.get(key) ?? []).map((row) => copyColumns<RowData>(row, {})),
    )
    if (copies.includes(undefined)) return resolve(await findRows(unit, metadata, keys, {}))
    const entities = copies.map((row) => entityFrom(unit, metadata, row ?? {}))
    await unit.getUnitOfWork(false).dispatchOnLoadEvent()
    resolve(entities)
  } catch (error) {
    reject(error)
  }
}

/** Rows as entities of `unit`; those that it has already are brought up to date. */
export async function findRows(
  unit: UnitOfWork,
  metadata: EntityMetadata,
  keys: readonly Key[],
  options: object,
): Promise<readonly object[]> {
  const rows: object[] = []
  for (const where of conditions(metadata, keys)) {
    rows.push(...(await unit.find(metadata.class, where, { filters: false, refresh: true, ...options })))
  }
  return rows
}

function entityFrom(unit: UnitOfWork, metadata: EntityMetadata, row: RowData): object {
  return unit.merge(
    metadata.class,
    { ...row },
    { convertCustomTypes: true, refresh: true, disableContextResolution: true },
  )
}

/** SQLSTATE class 22, data exceptions, and what MikroORM's types throw when they convert a key. */
function isAboutValues(error: unknown): boolean {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string' && /^22...$/.test(code)) return true
  return name === 'ValidationError' || error instanceof TypeError || error instanceof SyntaxError
}
