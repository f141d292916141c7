import { CommanderError, type Command } from 'commander'
import { CeleriacError, ImproperlyConfigured, OperationalError } from '../errors.ts'
import { callCommand } from './commands/call.ts'
import { configCommand } from './commands/config.ts'
import { controlCommand } from './commands/control.ts'
import { deadCommand } from './commands/dead.ts'
import { eventsCommand } from './commands/events.ts'
import { explainCommand } from './commands/explain.ts'
import { graphCommand } from './commands/graph.ts'
import { initCommand } from './commands/init.ts'
import { inspectCommand } from './commands/inspect.ts'
import { migrateCommand } from './commands/migrate.ts'
import { outboxCommand } from './commands/outbox.ts'
import { purgeCommand } from './commands/purge.ts'
import { queuesCommand } from './commands/queues.ts'
import { reportCommand } from './commands/report.ts'
import { resultCommand } from './commands/result.ts'
import { statusCommand } from './commands/status.ts'
import { workerCommand } from './commands/worker.ts'
import { CommandRun } from './command-run.ts'
import { createProgram, globalOptions } from './global-options.ts'
import { Printer } from './output.ts'
import { endWithReader } from './readers.ts'
import { packageVersion } from '../util/own-files.ts'
import { processTerminal, type Terminal } from './terminal.ts'

const commands = [
  workerCommand,
  statusCommand,
  inspectCommand,
  controlCommand,
  callCommand,
  resultCommand,
  queuesCommand,
  purgeCommand,
  deadCommand,
  eventsCommand,
  explainCommand,
  graphCommand,
  outboxCommand,
  migrateCommand,
  configCommand,
  reportCommand,
  initCommand,
] as const

/** Runs one command line (without the program's name) and returns its exit code: 0 done, 1 failed, 2 used wrongly. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(packageVersion())
  try {
    return await runCommand(program, args, terminal)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    reportError(error, new Printer(terminal, globalOptions(program)))
    return error instanceof ImproperlyConfigured ? 2 : 1
  }
}

async function runCommand(program: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  await using run = new CommandRun(terminal, () => globalOptions(program))
  program.hook('preAction', () => run.enterWorkdir())
  for (const command of commands) program.addCommand(command(run))
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) {
    writeTo(command, terminal)
  }
  await program.parseAsync(args, { from: 'user' })
  return run.exitCode
}

/** The process `celeriac`: ends it, whatever the app's modules left open. */
export async function runAsProcess(): Promise<void> {
  process.stdout.on('error', endWithReader)
  const code = await main(process.argv.slice(2), processTerminal)
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
  )
  process.exit(code)
}

function writeTo(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void terminal.out.write(text),
    writeErr: (text) => void terminal.err.write(text),
  })
  command.showSuggestionAfterError().showHelpAfterError('(add --help for the options and examples)')
}

function reportError(error: unknown, printer: Printer): void {
  if (!(error instanceof CeleriacError)) {
    printer.error(error instanceof Error ? (error.stack ?? error.message) : `something threw ${String(error)}`)
    return
  }
  printer.error(error.message)
  const { cause } = error
  // The stack of a socket tells people nothing.
  if (error instanceof OperationalError && cause instanceof Error && error.message.includes(cause.message)) return
  if (cause instanceof Error && cause.stack !== undefined && showsUserCode(cause.stack)) printer.note(cause.stack)
}

/** The stack of a module that is not there, or that does not parse, shows nothing but Node's loader. */
function showsUserCode(stack: string): boolean {
  return /^ {4}at (?!.*\(?node:)/m.test(stack)
}
