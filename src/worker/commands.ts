import type { CustomCommand } from '../app/custom-commands.ts'
import { builtinCommands, findBuiltin } from '../control/builtin-commands.ts'
import { bindBuiltin, bindCustom, type CommandArguments } from './command-arguments.ts'
import type { Commands, RequestFacts } from './command-body.ts'
import { CommandError } from './command-error.ts'
import { controlCommands } from './control-commands.ts'
import { inspectCommands } from './inspect-commands.ts'
import { revokeCommands } from './revoke-commands.ts'
import type { WorkerState } from './worker-state.ts'

const commands: Commands = { ...inspectCommands, ...controlCommands, ...revokeCommands }

/** Throws, as Celery's workers do, for a command that nobody knows and for arguments that do not fit. */
export function carryOut(worker: WorkerState, method: string, given: CommandArguments, facts: RequestFacts): unknown {
  const name = findBuiltin(method)
  if (name !== undefined) return commands[name](worker, bindBuiltin(method, builtinCommands[name], given), facts)
  const custom = worker.app.commands.get(method)
  if (!custom) throw new CommandError('KeyError', method)
  return carryOutCustom(worker, method, custom, given)
}

function carryOutCustom(
  { app, nodeName, consumer, poolSize, stop }: WorkerState,
  method: string,
  { spec, handler }: CustomCommand,
  given: CommandArguments,
): unknown {
  const worker = {
    app,
    name: nodeName,
    queues: [...consumer.queues],
    concurrency: poolSize.now,
    running: consumer.running.size,
    stop,
  }
  return handler(worker, bindCustom(method, spec, given))
}
