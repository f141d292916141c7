import type { Key, ModelReference } from '../protocol/model-reference.ts'
import { refBrand, type Ref } from './ref.ts'

/** A `Ref` that an app made: it knows how to load its row. */
export class BoundReference<T> implements Omit<Ref<T>, typeof refBrand> {
  readonly reference: ModelReference
  readonly #load: () => Promise<T>

  constructor(reference: ModelReference, load: () => Promise<T>) {
    this.reference = reference
    this.#load = load
    Object.defineProperty(this, refBrand, { value: true })
  }

  get asRef(): Ref<T> {
    return this as unknown as Ref<T>
  }

  get label(): string {
    return this.reference.label
  }

  get key(): Key {
    return this.reference.key
  }

  load(): Promise<T> {
    return this.#load()
  }

  toString(): string {
    return this.reference.toString()
  }
}
