import { DatabaseUnavailable, ImproperlyConfigured, InvalidArguments } from '../errors.ts'
import type { OrmAdapter } from '../orms/orm-adapter.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { ModelReference, type Key } from '../protocol/model-reference.ts'
import { BoundReference } from './bound-reference.ts'
import { isUnavailable } from './database-errors.ts'
import { refuseTwoLocks, type Arguments, type ModelDeclaration } from './model-declaration.ts'
import type { Loading } from './model-groups.ts'
import { handleName, type ModelClass, type ModelHandle, type RowTable } from './model-handle.ts'
import { ArgumentLoad, loadModels, type LoadOptions } from './model-loading.ts'
import { ReferenceWriter } from './model-references.ts'
import { ModelRegistry } from './model-registry.ts'
import type { Ref } from './ref.ts'
import { keyProblem } from './row-key.ts'
import { RowLoader } from './row-loader.ts'
import type { Transactions } from './transactions.ts'

export interface RefOptions {
  readonly db?: string
}

/** Rows as arguments: instances leave as label and key, and arrive freshly loaded. */
export class Models {
  readonly #transactions: Transactions
  readonly #registry = new ModelRegistry()
  readonly #loading: Loading
  #gaveRefs = false

  constructor(transactions: Transactions) {
    this.#transactions = transactions
    this.#loading = { registry: this.#registry, loader: new RowLoader(), transactions }
  }

  /** Adds an ORM and follows its transactions; once more changes nothing. Throws ImproperlyConfigured if a label is taken. */
  use(adapter: OrmAdapter): this {
    if (typeof (adapter as Partial<OrmAdapter> | undefined)?.identify !== 'function') {
      const given = describeValue(adapter)
      throw new ImproperlyConfigured(`app.models.use() takes what typeorm(), prisma() and their kin give; got ${given}`)
    }
    if (this.#registry.adapters.includes(adapter)) return this
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

  /** @internal */
  get registry(): ModelRegistry {
    return this.#registry
  }

  /**
   * A row by its key, without loading it: `ref(Order, 42)`, or `ref('shop.Order', 42)` for a model that only the worker
   * knows. A composite key is a list in the model's order. `db` is the alias of one of several databases that have the
   * model; default: the one without an alias.
   */
  ref<T extends object>(model: ModelClass<T>, key: Key, options?: RefOptions): Ref<T>
  ref<Table extends RowTable>(table: Table, key: Key, options?: RefOptions): Ref<Table['$inferSelect']>
  ref<T = unknown>(label: string, key: Key, options?: RefOptions): Ref<T>
  ref(model: ModelHandle, key: Key, { db: alias }: RefOptions = {}): Ref {
    const known = alias === undefined ? this.#registry.declared(model) : this.#registry.declaredIn(model, alias)
    const label = known?.info.label ?? (typeof model === 'string' ? model : undefined)
    if (label === undefined || !/^[^.]+\.[^.]+$/.test(label)) {
      const name = handleName(model) + (alias === undefined ? '' : ` of the database '${alias}'`)
      throw new InvalidArguments(`ref() takes a registered model class or a label such as 'shop.Order'; got ${name}`)
    }
    const problem = keyProblem(key, known?.info.key)
    if (problem) throw new InvalidArguments(`ref(${label}): the key ${problem}; got ${describeValue(key)}`)
    this.#gaveRefs = true
    const db = known ? known.adapter.db : alias
    const reference = new ModelReference(label, key, db === undefined ? {} : { db })
    return new BoundReference(reference, () => this.load(reference, { grace: 0 })).asRef
  }

  /**
   * `value` with references in the place of model instances, at any depth of lists and plain objects; the very same
   * value if it holds none. `committed` says that the message leaves after the open transaction is committed. Throws
   * UnidentifiableInstance, with the path of an instance that has no key.
   */
  toReferences<T>(value: T, path = '$', { committed = false }: { readonly committed?: boolean } = {}): T {
    return this.#writer(committed).everywhere(value, path)
  }

  /**
   * @internal The arguments of a call as references, where `later` ones will be put before them. Throws InvalidArguments
   * with the path of what the task does not take.
   */
  argumentReferences(declaration: ModelDeclaration, given: Arguments, committed: boolean, later = 0): Arguments {
    return this.#writer(committed).arguments(declaration, given, later)
  }

  #writer(committed: boolean): ReferenceWriter {
    return new ReferenceWriter(this.#registry, committed ? this.#transactions.current()?.adapter : undefined)
  }

  /**
   * `value` with fresh instances in the place of references. Throws RowMissing, RowNotYetVisible, DatabaseUnavailable or
   * UnknownModel. Tasks that load in the same turn of the event loop share queries, never objects.
   */
  load(value: unknown, options: LoadOptions = {}): Promise<unknown> {
    return loadModels(value, options, this.#loading)
  }

  /** @internal The arguments of a message. Throws UnknownModel or InvalidArguments for what the task does not take. */
  argumentLoad(declaration: ModelDeclaration, given: Arguments): ArgumentLoad {
    return new ArgumentLoad(declaration, given, this.#loading)
  }

  /** @internal Throws ImproperlyConfigured if the task declares locks in two databases, as far as they are known yet. */
  checkLocks({ taskName, locked }: ModelDeclaration): void {
    const adapters = locked.flatMap((handle) => this.#registry.declared(handle)?.adapter ?? [])
    refuseTwoLocks(taskName, new Set(adapters))
  }

  /** Runs one attempt of a task, its loading included, in the units of work of the ORMs that have such. */
  runTask<R>(body: () => Promise<R>): Promise<R> {
    let outermost = body
    for (const adapter of this.#registry.adapters.toReversed()) {
      const inner = outermost
      if (adapter.runTask) outermost = () => adapter.runTask?.(inner) ?? inner()
    }
    return outermost()
  }

  /**
   * @internal Runs an attempt in a transaction of its own, which whatever it throws rolls back. As long as `mayRepeat`,
   * a database that is away is DatabaseUnavailable.
   */
  async inTransaction<R>(adapter: OrmAdapter, mayRepeat: () => boolean, attempt: () => Promise<R>): Promise<R> {
    if (!adapter.transactions) {
      throw new ImproperlyConfigured(`${adapter.name} has no transactions: rows that it loads cannot be locked`)
    }
    try {
      return await adapter.transactions.run(attempt)
    } catch (error) {
      if (error instanceof DatabaseUnavailable || !mayRepeat() || !isUnavailable(adapter, error)) throw error
      const message = `the database of ${adapter.name} is not available: ${(error as Error).message}`
      throw new DatabaseUnavailable(message, { cause: error })
    }
  }
}
