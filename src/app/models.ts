import { InvalidArguments, UnidentifiableInstance } from '../errors.ts'
import type { OrmAdapter } from '../orms/orm-adapter.ts'
import { ModelReference, type Key, type ReferenceExtra } from '../protocol/model-reference.ts'
import { loadModels, type LoadOptions } from './model-loading.ts'
import { ModelRegistry } from './model-registry.ts'
import { replaceObjects } from './model-tree.ts'
import { refBrand, type Ref } from './ref.ts'
import { keyProblem } from './row-key.ts'
import { RowLoader } from './row-loader.ts'
import type { Transactions } from './transactions.ts'

/** Something whose instances are rows: a class, as class ORMs have it. */
export type ModelClass<T extends object = object> = abstract new (...args: never[]) => T

/** Rows as arguments: instances leave as label and key, and arrive freshly loaded. */
export class Models {
  readonly #transactions: Transactions
  readonly #registry = new ModelRegistry()
  readonly #loader = new RowLoader()
  #gaveRefs = false

  constructor(transactions: Transactions) {
    this.#transactions = transactions
  }

  /** Adds an ORM and follows its transactions. Throws ImproperlyConfigured if a label is taken. */
  use(adapter: OrmAdapter): this {
    this.#registry.add(adapter)
    this.#transactions.install(adapter)
    return this
  }

  /** The ORMs in use. */
  get adapters(): readonly OrmAdapter[] {
    return this.#registry.adapters
  }

  /** True if no argument can be a model. */
  get isEmpty(): boolean {
    return this.#registry.adapters.length === 0 && !this.#gaveRefs
  }

  /**
   * A row by its key, without loading it: `ref(Order, 42)`, or `ref('shop.Order', 42)` for a model that only the worker
   * knows. A composite key is a list in the model's order.
   */
  ref<T extends object>(model: ModelClass<T>, key: Key): Ref<T>
  ref<T = unknown>(model: string, key: Key): Ref<T>
  ref<T>(model: ModelClass | string, key: Key): Ref<T> {
    const known = typeof model === 'string' ? this.#registry.find(model, undefined) : this.#registry.ofHandle(model)
    const label = known?.info.label ?? (typeof model === 'string' ? model : undefined)
    if (label === undefined || !/^[^.]+\.[^.]+$/.test(label)) {
      const name = typeof model === 'string' ? `'${model}'` : model.name
      throw new InvalidArguments(`ref() takes a registered model class or a label such as 'shop.Order'; got ${name}`)
    }
    const problem = keyProblem(key, known?.info.key)
    if (problem) throw new InvalidArguments(`ref(${label}): the key ${problem}`)
    this.#gaveRefs = true
    const db = known?.adapter.db
    const reference = new ModelReference(label, key, db === undefined ? {} : { db })
    return new BoundReference(reference, () => this.load(reference, { grace: 0 }) as Promise<T>)
  }

  /**
   * `value` with references in the place of model instances, at any depth of lists and plain objects; the very same
   * value if it holds none. `committed` says that the message leaves after the open transaction is committed. Throws
   * UnidentifiableInstance, with the path of an instance that has no key.
   */
  toReferences<T>(value: T, path = '$', { committed = false }: { readonly committed?: boolean } = {}): T {
    const owner = committed ? this.#transactions.current()?.adapter : undefined
    return replaceObjects(
      value,
      (object, where) => {
        if (object instanceof ModelReference) return object
        if (object instanceof BoundReference) return marked(object.reference, owner !== undefined)
        const found = this.#registry.identify(object)
        if (!found) return object
        const { model, key, version } = found.identity
        checkInstance(model.label, model.key, key, where)
        const { db } = found.adapter
        const extra = {
          ...(db === undefined ? undefined : { db }),
          ...(version === undefined ? undefined : { v: version }),
        }
        return marked(new ModelReference(model.label, key, extra), found.adapter === owner)
      },
      path,
    ) as T
  }

  /**
   * `value` with fresh instances in the place of references. Throws RowMissing, RowNotYetVisible, DatabaseUnavailable or
   * UnknownModel. Tasks that load in the same turn of the event loop share queries, never objects.
   */
  load(value: unknown, options: LoadOptions = {}): Promise<unknown> {
    return loadModels(value, options, {
      registry: this.#registry,
      loader: this.#loader,
      transactions: this.#transactions,
    })
  }

  /** Runs one attempt of a task, its loading included, in the units of work of the ORMs that have such. */
  runTask<R>(body: () => Promise<R>): Promise<R> {
    return this.#registry.adapters.reduceRight<() => Promise<R>>(
      (inner, adapter) => (adapter.runTask ? () => adapter.runTask?.(inner) ?? inner() : inner),
      body,
    )()
  }
}

class BoundReference<T> implements Ref<T> {
  readonly [refBrand] = true
  readonly reference: ModelReference
  readonly #load: () => Promise<T>

  constructor(reference: ModelReference, load: () => Promise<T>) {
    this.reference = reference
    this.#load = load
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

function marked(reference: ModelReference, isCommitted: boolean): ModelReference {
  if (!isCommitted) return reference
  const extra: ReferenceExtra = { ...reference.extra, c: 1 }
  return new ModelReference(reference.label, reference.key, extra)
}

function checkInstance(
  label: string,
  names: readonly string[],
  key: Key | undefined,
  where: () => string,
): asserts key is Key {
  if (key === undefined) {
    const advice = 'save it before the call, or load it with its key'
    throw new UnidentifiableInstance(`${where()}: this ${label} has no ${names.join(' and ')}: ${advice}`)
  }
  const problem = keyProblem(key, names)
  if (problem) throw new UnidentifiableInstance(`${where()}: the key of this ${label} ${problem}`)
}
