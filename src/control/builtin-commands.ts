import type { CommandSpec } from './command-spec.ts'
import { controlSpecs, type ControllingCommand, type RevokingCommand } from './control-specs.ts'
import { inspectSpecs, type InspectingCommand } from './inspect-specs.ts'

export type BuiltinCommand = InspectingCommand | RevokingCommand | ControllingCommand

/** The commands that every worker knows, by Celery's names (celery-wire 9.3). */
export const builtinCommands: Readonly<Record<BuiltinCommand, CommandSpec>> = { ...inspectSpecs, ...controlSpecs }

/** By name or older name. */
export function findBuiltin(name: string): BuiltinCommand | undefined {
  if (Object.hasOwn(builtinCommands, name)) return name as BuiltinCommand
  const found = Object.entries(builtinCommands).find(([, { alias }]) => alias === name)
  return found?.[0] as BuiltinCommand | undefined
}
