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

/** An instance and whose it is. `rival`: another database that has the same class. */
export interface Identified {
  readonly identity: Identity
  readonly adapter: OrmAdapter
  readonly rival: OrmAdapter | undefined
}

/** Labels to models. */
export class ModelRegistry {
  readonly #adapters: OrmAdapter[] = []
  readonly #byLabel = new Map<string, RegisteredModel>()
  /** Of several databases that have the model: the one without an alias, else the first. */
  readonly #byHandle = new Map<unknown, RegisteredModel>()
  /** The handles that several databases have. */
  readonly #shared = new Set<unknown>()
  /** Whatever the database, as for handles. */
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
        setPreferred(this.#byBareLabel, identifier(label, undefined), registered)
      }
      if (this.#byHandle.has(info.handle)) this.#shared.add(info.handle)
      setPreferred(this.#byHandle, info.handle, registered)
    }
    this.#adapters.push(adapter)
  }

  identify(value: object): Identified | undefined {
    for (const adapter of this.#adapters) {
      const identity = adapter.identify(value)
      if (!identity) continue
      const isShared = this.#shared.has(identity.model.handle)
      const rival = isShared ? this.#adapters.find((other) => other !== adapter && other.identify(value)) : undefined
      return { identity, adapter, rival }
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

  /** As `declared`, in the database of that alias. */
  declaredIn(handle: ModelHandle, db: string): RegisteredModel | undefined {
    const label = typeof handle === 'string' ? handle : this.ofHandle(handle)?.info.label
    return label === undefined ? undefined : this.find(label, db)
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

function setPreferred<K>(models: Map<K, RegisteredModel>, key: K, model: RegisteredModel): void {
  const before = models.get(key)
  if (before === undefined || (before.adapter.db !== undefined && model.adapter.db === undefined))
    models.set(key, model)
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
