import { ImproperlyConfigured, InvalidArguments } from '../errors.ts'
import { handleName, type ModelHandle } from './model-handle.ts'
import { compilePolicy, type CompiledPolicy, type ModelPolicy } from './model-policy.ts'
import type { AnyParameter } from './task-parameters.ts'

export interface Arguments {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** A parameter whose policies are complete. */
export interface CompiledParameter {
  readonly kind: 'model' | 'models' | 'lazy' | 'value' | 'any'
  readonly handle: ModelHandle | undefined
  readonly policy: CompiledPolicy
}

/** What a task says of its arguments. */
export interface DeclarationOptions extends ModelPolicy {
  readonly takes?: readonly AnyParameter[] | undefined
  /** Arguments beyond `takes` are welcome. */
  readonly takesMore?: boolean | undefined
  /** The only models that undeclared arguments may hold. */
  readonly models?: readonly ModelHandle[] | undefined
  /** Names of the arguments in order. */
  readonly parameters?: readonly string[] | undefined
}

/** Which rows a task takes, where, and how they are loaded. */
export class ModelDeclaration {
  readonly taskName: string
  readonly only: readonly ModelHandle[] | undefined
  /** Of what no parameter is declared for. */
  readonly rest: CompiledParameter
  readonly #takes: readonly CompiledParameter[] | undefined
  readonly #takesMore: boolean
  readonly #names: readonly string[] | undefined

  constructor(taskName: string, options: DeclarationOptions) {
    this.taskName = taskName
    this.only = options.models
    this.rest = { kind: 'any', handle: undefined, policy: compilePolicy(options) }
    this.#takes = options.takes?.map(({ kind, handle, policy }) => ({
      kind,
      handle,
      policy: kind === 'lazy' ? compilePolicy(policy) : compilePolicy(options, policy),
    }))
    this.#takesMore = options.takesMore === true
    this.#names = options.parameters
  }

  /** True if arguments are to be looked at even where no ORM is in use. */
  get isDeclared(): boolean {
    return this.#takes !== undefined || this.only !== undefined
  }

  /** Models that the attempt locks, as far as they are declared. */
  get locked(): readonly ModelHandle[] {
    return (this.#takes ?? []).flatMap(({ handle, policy }) => (handle !== undefined && policy.lock ? [handle] : []))
  }

  /**
   * The arguments with each replaced by what `replace` makes of it; `later` ones will be put before them. Throws
   * InvalidArguments if their number is wrong.
   */
  map(
    given: Arguments,
    replace: (value: unknown, parameter: CompiledParameter, path: string) => unknown,
    later = 0,
  ): Arguments {
    if (!this.#takes) return replace(given, this.rest, '$') as Arguments
    this.#checkCount(given, later)
    const args = given.args.map((value, index) => replace(value, this.#at(index + later), `$.args[${index}]`))
    const names = Object.keys(given.kwargs)
    if (names.length === 0) return { args, kwargs: given.kwargs }
    const kwargs = names.map((name) => {
      const parameter = this.#named(name, args.length + later)
      return [name, replace(given.kwargs[name], parameter, `$.kwargs.${name}`)] as const
    })
    return { args, kwargs: Object.fromEntries(kwargs) }
  }

  #at(index: number): CompiledParameter {
    return this.#takes?.[index] ?? this.rest
  }

  /** Without names, keyword arguments reach the body as one object behind the others. */
  #named(name: string, count: number): CompiledParameter {
    if (this.#names) return this.#at(this.#names.indexOf(name))
    const parameter = this.#at(count)
    if (parameter.kind === 'value' || parameter.kind === 'any') return parameter
    throw new InvalidArguments(
      `${this.taskName} takes no keyword argument '${name}': name its arguments with the option parameters`,
    )
  }

  #checkCount({ args, kwargs }: Arguments, later: number): void {
    const takes = this.#takes ?? []
    const names = Object.keys(kwargs)
    const first = args.length + later
    const count = first + (names.length > 0 && !this.#names ? 1 : 0)
    if (count > takes.length && !this.#takesMore) {
      throw new InvalidArguments(`${this.taskName} takes ${takes.length} arguments, got ${count}`)
    }
    const missing = takes.findIndex(({ kind }, index) => {
      const name = this.#names?.[index]
      return kind !== 'value' && index >= first && !(name !== undefined && names.includes(name))
    })
    if (missing === -1) return
    const { handle } = this.#at(missing)
    throw new InvalidArguments(`${this.taskName}: argument ${missing} is missing, a ${handleName(handle)}`)
  }
}

/** Throws ImproperlyConfigured if two databases would have to hold locks for one attempt. */
export function refuseTwoLocks(taskName: string, adapters: ReadonlySet<{ readonly name: string }>): void {
  if (adapters.size < 2) return
  const names = [...adapters].map(({ name }) => name).join(' and ')
  throw new ImproperlyConfigured(
    `task ${taskName} locks rows of two databases (${names}): one attempt runs in one transaction; lock rows of one`,
  )
}
