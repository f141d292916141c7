import { ImproperlyConfigured, UnknownModel } from '../errors.ts'
import type { Identity, ModelInfo, OrmAdapter } from '../orms/orm-adapter.ts'

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

/** Django looks the model half up without regard to case. */
function identifier(label: string, db: string | undefined): string {
  const dot = label.indexOf('.')
  const folded = label.slice(0, dot + 1) + label.slice(dot + 1).toLowerCase()
  return db === undefined || db === 'default' ? folded : `${folded}@${db}`
}
