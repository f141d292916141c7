import { ImproperlyConfigured, UnknownModel } from '../errors.ts'
import type { Identity, ModelInfo, OrmAdapter } from '../orms/orm-adapter.ts'
import { handleName, type ModelHandle } from './model-handle.ts'

/** A model and the ORM that knows it. */
export interface RegisteredModel {
  readonly adapter: OrmAdapter
  readonly info: ModelInfo
  /** Where its rows are fetched: the root of its hierarchy, else itself. */
  readonly root: ModelInfo
}

/** Labels to models. */
export class ModelRegistry {
  readonly #adapters: OrmAdapter[] = []
  readonly #byLabel = new Map<string, RegisteredModel>()
  readonly #byHandle = new Map<unknown, RegisteredModel>()
  /** Whatever the database: the first that has the label. */
  readonly #byBareLabel = new Map<string, RegisteredModel>()

  get adapters(): readonly OrmAdapter[] {
    return this.#adapters
  }

  /** Throws ImproperlyConfigured if a label is taken. */
  add(adapter: OrmAdapter): void {
    const models = [...adapter.models()]
    const byLabel = new Map(models.map((info) => [info.label, info]))
    for (const info of models) {
      const registered = { adapter, info, root: byLabel.get(info.root ?? info.label) ?? info }
      for (const label of [info.label, ...(info.aliases ?? [])]) {
        const id = identifier(label, adapter.db)
        if (this.#byLabel.has(id)) {
          const advice = "give one adapter another 'app', or a 'db' alias"
          throw new ImproperlyConfigured(`the model label ${label} is claimed twice: ${advice}`)
        }
        this.#byLabel.set(id, registered)
        const bare = identifier(label, undefined)
        if (!this.#byBareLabel.has(bare)) this.#byBareLabel.set(bare, registered)
      }
      if (!this.#byHandle.has(info.handle)) this.#byHandle.set(info.handle, registered)
    }
    this.#adapters.push(adapter)
  }

  identify(value: object): { readonly identity: Identity; readonly adapter: OrmAdapter } | undefined {
    for (const adapter of this.#adapters) {
      const identity = adapter.identify(value)
      if (identity) return { identity, adapter }
    }
    return undefined
  }

  /** The model of a class, or whatever the ORM names it by. */
  ofHandle(handle: unknown): RegisteredModel | undefined {
    return this.#byHandle.get(handle)
  }

  /** The model that a task declares, by its class, table or label. */
  declared(handle: ModelHandle): RegisteredModel | undefined {
    return typeof handle === 'string' ? this.#byBareLabel.get(identifier(handle, undefined)) : this.ofHandle(handle)
  }

  /** True if rows of a label may stand where `handle` is declared: the model itself, or one below it. */
  accepts(handle: ModelHandle, label: string, db: string | undefined): boolean {
    const declared = this.declared(handle)
    if (!declared) return typeof handle === 'string' && identifier(handle, undefined) === identifier(label, undefined)
    const given = this.find(label, db)
    return given !== undefined && isKindOf(given, declared)
  }

  /** The label of a declared model, else how the task named it. */
  nameOf(handle: ModelHandle): string {
    return this.declared(handle)?.info.label ?? (typeof handle === 'string' ? handle : handleName(handle))
  }

  find(label: string, db: string | undefined): RegisteredModel | undefined {
    return this.#byLabel.get(identifier(label, db))
  }

  /** Throws UnknownModel. */
  get(label: string, db: string | undefined): RegisteredModel {
    const found = this.find(label, db)
    if (found) return found
    const where = db === undefined ? '' : ` of the database '${db}'`
    const known =
      this.#byLabel.size === 0
        ? 'none is'
        : [...this.#byLabel.values()]
            .slice(0, 10)
            .map(({ info }) => info.label)
            .join(', ')
    throw new UnknownModel(
      `no model is registered as ${label}${where}; registered: ${known}. Give its ORM to app.models.use() in this process`,
    )
  }
}

/** A database with an alias has the same models. */
function isKindOf(given: RegisteredModel, declared: RegisteredModel): boolean {
  if (given.info.label === declared.info.label || given.root.label === declared.info.label) return true
  const [below, above]: unknown[] = [given.info.handle, declared.info.handle]
  return typeof below === 'function' && typeof above === 'function' && below.prototype instanceof above
}

/** Django looks the model half up without regard to case. */
function identifier(label: string, db: string | undefined): string {
  const dot = label.indexOf('.')
  const folded = label.slice(0, dot + 1) + label.slice(dot + 1).toLowerCase()
  return db === undefined || db === 'default' ? folded : `${folded}@${db}`
}
