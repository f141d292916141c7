import { argumentProblem, argumentsOf, type CommandSpec } from '../control/command-spec.ts'
import { CommandError } from './command-error.ts'

export type CommandArguments = Readonly<Record<string, unknown>>

/** The arguments of a command of Celery. Throws as its functions do when one is missing or unknown. */
export function bindBuiltin(method: string, spec: CommandSpec, given: CommandArguments): CommandArguments {
  const taken = argumentsOf({ ...spec.args, ...spec.named })
  if (spec.takesMore === undefined) refuseOthers(method, taken, given)
  const missing = taken.filter(({ name, isOptional }) => !isOptional && given[name] === undefined)
  if (missing.length > 0) {
    const names = missing.map(({ name }) => `'${name}'`).join(' and ')
    const count = `${missing.length} required positional argument${missing.length > 1 ? 's' : ''}`
    throw new CommandError('TypeError', `${method}() missing ${count}: ${names}`)
  }
  return given
}

/** The arguments of a command of the app. Throws for those that are missing, unknown, or of another kind. */
export function bindCustom(method: string, spec: CommandSpec, given: CommandArguments): CommandArguments {
  const taken = argumentsOf(spec.args)
  refuseOthers(method, taken, given)
  for (const argument of taken) {
    const problem = argumentProblem(argument, given[argument.name])
    if (problem !== undefined) throw new CommandError('TypeError', `${method}(): ${problem}`)
  }
  // Python's None is none given.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
}

function refuseOthers(method: string, taken: readonly { readonly name: string }[], given: CommandArguments): void {
  for (const name of Object.keys(given)) {
    if (taken.some((each) => each.name === name)) continue
    throw new CommandError('TypeError', `${method}() got an unexpected keyword argument '${name}'`)
  }
}

/** A text or a list of texts. */
export function textsOf(value: unknown, name: string): string[] {
  const given = Array.isArray(value) ? (value as unknown[]) : value === null || value === undefined ? [] : [value]
  return given.map((item) => {
    if (typeof item === 'string') return item
    throw new CommandError('TypeError', `${name} must be a text or a list of texts`)
  })
}

export function textOf(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new CommandError('TypeError', `${name} must be a text`)
}

/** A whole number of at least `minimum`; `missing` for none given. */
export function countOf(value: unknown, name: string, missing: number, minimum: number): number {
  const count = value ?? missing
  if (Number.isSafeInteger(count) && (count as number) >= minimum) return count as number
  throw new CommandError('ValueError', `${name} must be a whole number of at least ${minimum}`)
}
