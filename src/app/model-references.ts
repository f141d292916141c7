import { InvalidArguments, UnidentifiableInstance, UnknownModel } from '../errors.ts'
import type { ModelInfo, OrmAdapter } from '../orms/orm-adapter.ts'
import { describeValue, isRecord } from '../protocol/describe-value.ts'
import { ModelReference, type Key, type ReferenceExtra } from '../protocol/model-reference.ts'
import { BoundReference } from './bound-reference.ts'
import type { Arguments, CompiledParameter, ModelDeclaration } from './model-declaration.ts'
import type { ModelHandle } from './model-handle.ts'
import type { ModelRegistry } from './model-registry.ts'
import { replaceObjects } from './model-tree.ts'
import { keyProblem } from './row-key.ts'

type Where = () => string

/** Writes references in the place of instances: the way out of a process. */
export class ReferenceWriter {
  readonly #registry: ModelRegistry
  readonly #owner: OrmAdapter | undefined

  /** `owner` is the ORM whose open transaction will be committed when the message leaves. */
  constructor(registry: ModelRegistry, owner: OrmAdapter | undefined) {
    this.#registry = registry
    this.#owner = owner
  }

  /** References at any depth. Throws UnidentifiableInstance. */
  everywhere<T>(value: T, path: string): T {
    return replaceObjects(value, (object, where) => this.#reference(object, where) ?? object, path) as T
  }

  /** As `everywhere`, and what the task does not take is refused with the path of the argument. */
  arguments(declaration: ModelDeclaration, given: Arguments, later: number): Arguments {
    const replace = (value: unknown, parameter: CompiledParameter, path: string): unknown => {
      const slot = { declaration, parameter }
      if (parameter.kind === 'models') {
        if (!Array.isArray(value)) throw this.#wrong(value, slot, path, 'a list of')
        return value.map((item, index) => this.#declared(item, slot, `${path}[${index}]`))
      }
      if (parameter.kind === 'model' || parameter.kind === 'lazy') return this.#declared(value, slot, path)
      return replaceObjects(
        value,
        (object, where) => {
          const reference = this.#reference(object, where)
          if (!reference) return object
          this.#checkUndeclared(reference, slot, where)
          this.#checkVersion(object, reference, slot, where)
          return reference
        },
        path,
      )
    }
    return declaration.map(given, replace, later)
  }

  #reference(object: object, where: Where): ModelReference | undefined {
    if (object instanceof ModelReference) return object
    if (object instanceof BoundReference) return marked(object.reference, this.#owner !== undefined)
    const found = this.#registry.identify(object)
    if (!found) return undefined
    const { model, key, version } = found.identity
    if (found.rival) throw ambiguous(model.label, [found.adapter, found.rival], where)
    checkInstance(model.label, model.key, key, where)
    return this.#made(found.adapter, model, key, version)
  }

  #made(adapter: OrmAdapter, model: ModelInfo, key: Key, version?: number | string): ModelReference {
    const { db } = adapter
    const extra = {
      ...(db === undefined ? undefined : { db }),
      ...(version === undefined ? undefined : { v: version }),
    }
    return marked(new ModelReference(model.label, key, extra), adapter === this.#owner)
  }

  #declared(value: unknown, slot: Slot, path: string): ModelReference {
    const { handle } = slot.parameter
    if (typeof value !== 'object' || value === null || handle === undefined) throw this.#wrong(value, slot, path)
    const where = (): string => path
    const reference = this.#reference(value, where) ?? this.#byKey(value, handle)
    if (!reference) throw this.#wrong(value, slot, path)
    if (!this.#registry.accepts(handle, reference.label, reference.extra.db)) throw this.#wrong(reference, slot, path)
    this.#checkVersion(value, reference, slot, where)
    return reference
  }

  /** Nothing tells a plain object from a row of another table, or a stale one: it is taken for a key if it is no more. */
  #byKey(value: object, handle: ModelHandle): ModelReference | undefined {
    const declared = this.#registry.declared(handle)
    if (!declared || isClass(declared.info.handle) || !isRecord(value)) return undefined
    const { adapter, info } = declared
    const names = Object.keys(value)
    if (names.length !== info.key.length || !info.key.every((name) => names.includes(name))) return undefined
    const parts = info.key.map((name) => value[name])
    const key = (parts.length === 1 ? parts[0] : parts) as Key
    return keyProblem(key, info.key) === undefined ? this.#made(adapter, info, key) : undefined
  }

  #checkUndeclared({ label, extra }: ModelReference, { declaration, parameter }: Slot, where: Where): void {
    const { taskName, only } = declaration
    if (parameter.kind === 'value') {
      const advice = 'declare it with model() to pass a row'
      throw new InvalidArguments(`${where()}: ${taskName} takes no row here, got a ${label}; ${advice}`)
    }
    if (!only || only.some((handle) => this.#registry.accepts(handle, label, extra.db))) return
    const names = only.map((handle) => this.#registry.nameOf(handle)).join(', ')
    throw new InvalidArguments(`${where()}: ${taskName} takes only ${names || 'no models'}, got a ${label}`)
  }

  /** Without a version nobody could tell whether the row has changed. A reference by key says nothing of what was seen. */
  #checkVersion(value: object, reference: ModelReference, { declaration, parameter }: Slot, where: Where): void {
    const { changed } = parameter.policy
    if (changed === 'run' || reference.extra.v !== undefined || !this.#registry.identify(value)) return
    const advice = 'give the model a version, and load it with the row'
    throw new InvalidArguments(
      `${where()}: ${declaration.taskName} asks for changed: '${changed}', but this ${reference.label} has no version: ${advice}`,
    )
  }

  #wrong(value: unknown, { declaration, parameter }: Slot, path: string, many = 'a'): Error {
    const { handle } = parameter
    const text = `${path}: ${declaration.taskName} takes`
    if (handle === undefined) return new InvalidArguments(`${text} no row, got ${describeValue(value)}`)
    const name = this.#registry.nameOf(handle)
    const declared = this.#registry.declared(handle)
    if (!declared && typeof handle !== 'string') {
      return new UnknownModel(`${text} a ${name}, which no ORM in use has; give its ORM to app.models.use()`)
    }
    if (value instanceof ModelReference) return new InvalidArguments(`${text} a ${name}, got a ${value.label}`)
    return new InvalidArguments(
      `${text} ${many} ${name}, got ${describeValue(value)}${adviceFor(value, declared?.info)}`,
    )
  }
}

interface Slot {
  readonly declaration: ModelDeclaration
  readonly parameter: CompiledParameter
}

function adviceFor(value: unknown, info: ModelInfo | undefined): string {
  if (!isRecord(value)) return ''
  if (!info || isClass(info.handle)) return ' that no ORM in use knows; pass an instance, or app.models.ref(…)'
  const key = info.key.join(', ')
  return ` that no ORM in use knows; pass the row as the ORM gave it, its key alone ({ ${key} }), or app.models.ref(…)`
}

function isClass(handle: unknown): boolean {
  return typeof handle === 'function'
}

function ambiguous(label: string, adapters: readonly OrmAdapter[], where: Where): Error {
  const names = adapters.map(({ name, db }) => `${name} ${db === undefined ? '(no db)' : `'${db}'`}`).join(' and ')
  const advice = "pass app.models.ref(Model, key, { db: '…' }), or let each ORM have entities of its own"
  return new UnidentifiableInstance(
    `${where()}: ${names} both have the class of this ${label}, and nothing tells whose row it is: ${advice}`,
  )
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
  where: Where,
): asserts key is Key {
  if (key === undefined) {
    const advice = 'save it before the call, or load it with its key'
    throw new UnidentifiableInstance(`${where()}: this ${label} has no ${names.join(' and ')}: ${advice}`)
  }
  const problem = keyProblem(key, names)
  if (problem) throw new UnidentifiableInstance(`${where()}: the key of this ${label} ${problem}`)
}
