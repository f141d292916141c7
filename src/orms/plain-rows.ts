import type { Key, KeyPart } from '../protocol/model-reference.ts'
import { copyColumns } from './copy-columns.ts'
import { keyPart, type KeyKind } from './key-values.ts'
import type { Identity, ModelInfo } from './orm-adapter.ts'
import { versionOf } from './row-version.ts'

/** A model whose rows are plain objects. */
export interface PlainModel {
  readonly info: ModelInfo
  /** What the key columns hold. */
  readonly kinds: readonly KeyKind[]
  /** The field that grows with each update. */
  readonly version?: string | undefined
}

/** Remembers which plain objects are rows, and of which model: nothing about them tells. */
export class PlainRows {
  readonly #models = new WeakMap<object, PlainModel>()
  readonly #copyInstance: (value: object) => object | undefined

  /** `copyInstance` copies the values of columns that are instances of the ORM's own classes. */
  constructor(copyInstance: (value: object) => object | undefined = () => undefined) {
    this.#copyInstance = copyInstance
  }

  tag(row: object, model: PlainModel): void {
    this.#models.set(row, model)
  }

  identify(row: object): Identity | undefined {
    const model = this.#models.get(row)
    if (!model) return undefined
    const fields = row as Readonly<Record<string, unknown>>
    const key = keyOf(model, fields)
    const version = model.version === undefined ? undefined : versionOf(fields[model.version])
    return version === undefined ? { model: model.info, key } : { model: model.info, key, version }
  }

  /** A row without relations: what is nested in a copy would not be known as rows. */
  copy(row: object): object | undefined {
    const model = this.#models.get(row)
    if (!model || Object.values(row).some((value) => this.#isRelation(value))) return undefined
    const copy = copyColumns(row, {}, this.#copyInstance)
    if (copy) this.tag(copy, model)
    return copy
  }

  #isRelation(value: unknown): boolean {
    const sample: unknown = Array.isArray(value) ? value[0] : value
    return typeof sample === 'object' && sample !== null && this.#models.has(sample)
  }
}

function keyOf({ info, kinds }: PlainModel, row: Readonly<Record<string, unknown>>): Key | undefined {
  const parts = info.key.map((name, index) => keyPart(kinds[index], row[name]))
  if (parts.some((part) => part === undefined || part === null)) return undefined
  return (parts.length === 1 ? parts[0] : parts) as Key
}

/** The parts of a key, one for a simple key. */
export function keyParts(key: Key): readonly KeyPart[] {
  return Array.isArray(key) ? (key as readonly KeyPart[]) : [key as KeyPart]
}
