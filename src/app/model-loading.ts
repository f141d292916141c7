import { Ignore, InvalidArguments, ModelTypeChanged, RowNotYetVisible, UnknownModel } from '../errors.ts'
import type { OrmAdapter } from '../orms/orm-adapter.ts'
import { describeValue } from '../protocol/describe-value.ts'
import { ModelReference } from '../protocol/model-reference.ts'
import { BoundReference } from './bound-reference.ts'
import { refuseTwoLocks, type Arguments, type CompiledParameter, type ModelDeclaration } from './model-declaration.ts'
import { RowGroups, type LoadContext, type Loading } from './model-groups.ts'
import { compilePolicy, type CompiledPolicy, type ModelPolicy } from './model-policy.ts'
import { replaceObjects } from './model-tree.ts'

export interface LoadOptions extends ModelPolicy, LoadContext {}

/** Puts fresh instances in the place of references: the same row is the same object throughout `value`. */
export async function loadModels(value: unknown, options: LoadOptions, loading: Loading): Promise<unknown> {
  const groups = new RowGroups(loading)
  const policy = compilePolicy(options)
  eachReference(value, (reference) => {
    groups.add(reference, policy)
    return reference
  })
  if (groups.isEmpty) return value
  await groups.load(options)
  return eachReference(value, (reference) => groups.row(reference, policy))
}

function eachReference(
  value: unknown,
  replace: (reference: ModelReference, path: () => string) => unknown,
  path = '$',
): unknown {
  return replaceObjects(
    value,
    (object, where) => (object instanceof ModelReference ? replace(object, where) : object),
    path,
  )
}

/**
 * The arguments of one attempt on their way from references to rows. Made from a message that anybody may have written:
 * what the task did not declare is refused before anything is loaded.
 */
export class ArgumentLoad {
  readonly #declaration: ModelDeclaration
  readonly #given: Arguments
  readonly #loading: Loading
  readonly #groups: RowGroups
  #holdsReferences = false

  /** Throws UnknownModel or InvalidArguments. */
  constructor(declaration: ModelDeclaration, given: Arguments, loading: Loading) {
    this.#declaration = declaration
    this.#given = given
    this.#loading = loading
    this.#groups = new RowGroups(loading)
    this.#each((reference, { kind, policy }) => {
      this.#holdsReferences = true
      if (kind !== 'lazy') this.#groups.add(reference, policy)
      return reference
    })
    refuseTwoLocks(declaration.taskName, this.#groups.locking)
  }

  /** The ORM in whose transaction the attempt must run, to hold the rows that it locks. */
  get lockedIn(): OrmAdapter | undefined {
    const [adapter] = this.#groups.locking
    return adapter
  }

  /** The arguments with fresh rows; at once if there are none. */
  load(context: LoadContext): Arguments | Promise<Arguments> {
    return this.#holdsReferences ? this.#withRows(context) : this.#given
  }

  async #withRows(context: LoadContext): Promise<Arguments> {
    await this.#groups.load(context)
    return this.#each((reference, parameter) => {
      if (parameter.kind === 'lazy') return this.#bound(reference, parameter, context)
      return this.#ofDeclaredType(this.#groups.row(reference, parameter.policy), reference, parameter)
    })
  }

  /** For the body to load by itself: each time a fresh row. */
  #bound(reference: ModelReference, parameter: CompiledParameter, context: LoadContext): BoundReference<object | null> {
    return new BoundReference(reference, async () => {
      const groups = new RowGroups(this.#loading)
      groups.add(reference, parameter.policy)
      await groups.load(context)
      return this.#ofDeclaredType(groups.row(reference, parameter.policy), reference, parameter)
    })
  }

  /** The arguments with each reference replaced, which is checked to be where it may be. */
  #each(replace: (reference: ModelReference, parameter: CompiledParameter) => unknown): Arguments {
    return this.#declaration.map(this.#given, (value, parameter, path) => {
      if (parameter.kind === 'model' || parameter.kind === 'lazy')
        return replace(this.#one(value, parameter, path), parameter)
      if (parameter.kind === 'models') {
        if (!Array.isArray(value)) throw this.#wrong(value, parameter, path)
        return value.map((item, index) => replace(this.#one(item, parameter, `${path}[${index}]`), parameter))
      }
      return eachReference(
        value,
        (reference, where) => {
          this.#checkUndeclared(reference, parameter, where)
          return replace(reference, parameter)
        },
        path,
      )
    })
  }

  #one(value: unknown, parameter: CompiledParameter, path: string): ModelReference {
    const { registry } = this.#loading
    if (!(value instanceof ModelReference) || parameter.handle === undefined) throw this.#wrong(value, parameter, path)
    const { label, extra } = value
    registry.get(label, extra.db)
    if (!registry.accepts(parameter.handle, label, extra.db)) throw this.#wrong(value, parameter, path)
    return value
  }

  #checkUndeclared({ label, extra }: ModelReference, { kind }: CompiledParameter, where: () => string): void {
    const { taskName, only } = this.#declaration
    const { registry } = this.#loading
    if (kind === 'value') throw new InvalidArguments(`${where()}: ${taskName} takes no row here, got a ${label}`)
    if (!only || only.some((handle) => registry.accepts(handle, label, extra.db))) return
    const names = only.map((handle) => registry.nameOf(handle)).join(', ')
    throw new UnknownModel(`${where()}: ${taskName} takes only ${names || 'no models'}, got a ${label}`)
  }

  #wrong(value: unknown, { handle, kind }: CompiledParameter, path: string): Error {
    const expected = handle === undefined ? 'a value' : this.#loading.registry.nameOf(handle)
    const many = kind === 'models' && !(value instanceof ModelReference) ? 'a list of ' : 'a '
    const text = `${path}: ${this.#declaration.taskName} takes ${many}${expected}`
    if (value instanceof ModelReference) return new UnknownModel(`${text}, got a ${value.label}`)
    return new InvalidArguments(`${text}, got ${describeValue(value)}`)
  }

  /** The row's class wins over the label: a Dog may have become a Cat. */
  #ofDeclaredType(row: object | null, reference: ModelReference, { handle, policy }: CompiledParameter): object | null {
    if (!row || handle === undefined) return row
    const { registry } = this.#loading
    const found = registry.get(reference.label, reference.extra.db).adapter.identify(row)?.model.label
    if (found === undefined || registry.accepts(handle, found, reference.extra.db)) return row
    return changedType(
      `${reference.toString()} is a ${found} now, not the ${registry.nameOf(handle)} that was declared`,
      policy,
    )
  }
}

function changedType(message: string, { missing }: CompiledPolicy): null {
  switch (missing) {
    case 'error':
      throw new ModelTypeChanged(message)
    case 'discard':
      throw new Ignore(`discarded, as the task asks for with missing: 'discard': ${message}`)
    case 'retry':
      throw new RowNotYetVisible(`${message}; tried again, as the task asks for with missing: 'retry'`)
    case 'null':
      return null
  }
}
