import { argumentsOf, parseArgument, signatureOf, type CommandSpec } from '../control/command-spec.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { nearest } from '../util/nearest.ts'

export type CommandSpecs = Readonly<Record<string, CommandSpec>>

/** Longer ones have a line of their own. */
const signatureWidth = 32

/** Those of one kind that people give, in alphabetical order. */
export function commandsOf(type: CommandSpec['type'], specs: CommandSpecs): [string, CommandSpec][] {
  const found = Object.entries(specs).filter(([, spec]) => spec.type === type && !spec.isHidden)
  return found.toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** The commands of one kind with what they take and do, as lines. */
export function listCommands(type: CommandSpec['type'], specs: CommandSpecs): string {
  const line = (shown: string, does: string): string =>
    shown.length < signatureWidth
      ? `  ${shown.padEnd(signatureWidth)}${does}`.trimEnd()
      : `  ${shown}\n  ${' '.repeat(signatureWidth)}${does}`.trimEnd()
  return commandsOf(type, specs)
    .map(([name, spec]) => line(`${name} ${signatureOf(spec)}`.trim(), spec.help))
    .join('\n')
}

/** Throws ImproperlyConfigured, with what there is instead. */
export function findCommand(type: CommandSpec['type'], name: string | undefined, specs: CommandSpecs): CommandSpec {
  const known = commandsOf(type, specs)
  const found = known.find(([each]) => each === name)
  if (found) return found[1]
  const names = known.map(([each]) => each)
  const near = name === undefined ? undefined : nearest(name, names)
  const problem = name === undefined ? `which command?` : `Command ${name} not recognized.`
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  throw new ImproperlyConfigured(`${problem}${hint} Available ${type} commands: ${names.join(', ')}`)
}

/** The arguments of a command line by their names. Throws ImproperlyConfigured for too many, too few, or other ones. */
export function readArguments(name: string, spec: CommandSpec, words: readonly string[]): Record<string, unknown> {
  const taken = argumentsOf(spec.args)
  const refuse = (why: string): Error =>
    new ImproperlyConfigured(`Command ${name}: ${why}. It is written ${`${name} ${signatureOf(spec)}`.trim()}`)
  const last = taken.at(-1)
  if (words.length > taken.length && last?.kind !== 'texts')
    throw refuse(`unexpected argument '${words[taken.length]}'`)
  const given: Record<string, unknown> = {}
  for (const [index, { name: argument, kind, isOptional }] of taken.entries()) {
    const word = words[index]
    if (word === undefined && !isOptional) throw refuse(`${argument} is missing`)
    if (kind === 'texts') given[argument] = words.slice(index)
    else if (word !== undefined) {
      given[argument] = parseArgument(kind, word)
      if (given[argument] === undefined) throw refuse(`${argument} cannot be '${word}'`)
    }
  }
  return given
}
