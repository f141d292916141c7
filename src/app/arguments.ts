import type { StandardSchemaV1 } from '@standard-schema/spec'
import { InvalidArguments } from '../errors.ts'
import type { Arguments } from './model-declaration.ts'
import type { Task } from './task.ts'

/** The list a body gets: Python's keyword arguments find their place by `parameters`, else they are one trailing object. */
export function bindArguments(
  task: Task,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  const names = Object.keys(kwargs)
  const { parameters } = task.options
  if (names.length === 0) return args
  if (!parameters) return [...args, kwargs]
  const bound: unknown[] = [...args]
  for (const name of names) {
    const position = parameters.indexOf(name)
    if (position === -1)
      throw new InvalidArguments(
        `${task.name} got an unexpected keyword argument '${name}'; its parameters are ${parameters.join(', ')}`,
      )
    if (position < args.length) throw new InvalidArguments(`${task.name} got multiple values for argument '${name}'`)
    bound[position] = kwargs[name]
  }
  for (let position = args.length; position < bound.length; position++) {
    if (!(position in bound))
      throw new InvalidArguments(`${task.name} is missing the argument '${parameters[position]}'`)
  }
  return bound
}

/**
 * A task method's instance as the first argument. A chain, which puts the result of the task before in front of the
 * arguments, names it by keyword: it is out of the way there.
 */
export function withSelfFirst({ self }: Task, given: Arguments): Arguments {
  if (self === undefined || !Object.hasOwn(given.kwargs, self)) return given
  const { [self]: instance, ...kwargs } = given.kwargs
  return { args: [instance, ...given.args], kwargs }
}

/** At the call: refuses what the worker would refuse, so that the mistake is seen where it is made. */
export async function checkCallArguments(
  task: Task,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (!Array.isArray(args)) throw new InvalidArguments(`${task.name}: the arguments must be a list, got ${typeof args}`)
  const { parameters, input } = task.options
  if (parameters || input) {
    const given = withSelfFirst(task, { args, kwargs })
    const bound = bindArguments(task, given.args, given.kwargs)
    if (input) await validate(input, bound, `${task.name} was called with wrong arguments`)
  }
}

/** The validator's output. Throws InvalidArguments with a line for each issue. */
export async function validate(schema: StandardSchemaV1, value: unknown, what: string): Promise<unknown> {
  const outcome = await schema['~standard'].validate(value)
  if (!outcome.issues) return outcome.value
  const lines = outcome.issues.map(({ path, message }) => `${pathText(path)}: ${message}`)
  throw new InvalidArguments(`${what}:\n  ${lines.join('\n  ')}`)
}

function pathText(path: StandardSchemaV1.Issue['path']): string {
  const keys = (path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment))
  return ['$', ...keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))].join('')
}
