import type { BuiltinCommand } from '../control/builtin-commands.ts'
import type { CommandArguments } from './command-arguments.ts'
import type { WorkerState } from './worker-state.ts'

/** What is known of a request beside its arguments. */
export interface RequestFacts {
  /** The sender of a revoke stores it by itself. */
  readonly isStored: boolean
}

/** Carries out a command; what it returns, or a promise of it, is the reply. What it throws is an error reply. */
type CommandBody = (worker: WorkerState, args: CommandArguments, facts: RequestFacts) => unknown

/** What each command does. */
export type Commands = Readonly<Record<BuiltinCommand, CommandBody>>

/** The value of a command after which nothing is replied. */
export const noReply: unique symbol = Symbol('no reply')
