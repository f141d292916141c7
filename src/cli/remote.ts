import type { Command } from 'commander'
import type { Celeriac } from '../app/app.ts'
import { builtinCommands } from '../control/builtin-commands.ts'
import type { CommandSpec } from '../control/command-spec.ts'
import type { AskOptions } from '../control/mailbox.ts'
import { OperationalError } from '../errors.ts'
import type { ControlReply } from '../protocol/control-message.ts'
import type { Duration } from '../util/duration.ts'
import type { CommandRun } from './command-run.ts'
import { duration, list } from './option-values.ts'
import { Printer } from './output.ts'
import { commandsOf, findCommand, listCommands, readArguments, type CommandSpecs } from './remote-arguments.ts'
import { showReply } from './remote-reply.ts'

/** Celery's exit code where nobody answers: EX_UNAVAILABLE. */
const unavailable = 69
const nobody = 'No nodes replied within time constraint'

export interface RemoteOptions {
  readonly timeout?: Duration
  readonly destination?: readonly string[]
  readonly list?: true
  readonly j?: true
}

export function withRemoteOptions(command: Command): Command {
  return command
    .option('-t, --timeout <duration>', 'how long to wait for replies, from the last one (default: 1 s)', duration)
    .option('-d, --destination <names>', 'only these workers, by their names with commas between', list)
    .option('-j', 'the same as --json')
}

/** `inspect` or `control`: sends a command and prints what the workers say. */
export async function runRemote(
  run: CommandRun,
  type: CommandSpec['type'],
  name: string | undefined,
  words: readonly string[],
  options: RemoteOptions,
): Promise<void> {
  const printer = printerOf(run, options)
  const { app, file } = await run.openApp()
  if (file !== undefined) await app.loadTasks()
  const specs = { ...builtinCommands, ...app.commands.specs() }
  if (options.list) return printer.result(namesOf(type, specs), listCommands(type, specs))
  const spec = findCommand(type, name, specs)
  const args = readArguments(name ?? '', spec, words)
  const replies = spec.isSilent
    ? await tellSilently(run, app, name ?? '', options)
    : await ask(run, () => app.control.mailbox.ask(name ?? '', args, askOptions(printer, options, true)))
  if (replies.length === 0) return
  if (printer.isJson) printer.result(type === 'inspect' ? byNode(replies) : replies.map((reply) => byNode([reply])), '')
  else if (type === 'inspect') sayOnline(printer, replies)
}

/** Which workers are there. */
export async function showStatus(run: CommandRun, options: RemoteOptions): Promise<void> {
  const printer = printerOf(run, options)
  const { app } = await run.openApp()
  const replies = await ask(run, () => app.control.mailbox.ask('ping', {}, askOptions(printer, options, false)))
  if (replies.length === 0) return
  if (printer.isJson) printer.result(byNode(replies), '')
  else sayOnline(printer, replies)
}

/** Those that do not answer this command answer a ping before it. */
async function tellSilently(
  run: CommandRun,
  app: Celeriac,
  name: string,
  options: RemoteOptions,
): Promise<readonly ControlReply[]> {
  const printer = printerOf(run, options)
  const { timeout, destination } = options
  const there = await ask(run, () => app.control.mailbox.ask('ping', {}, { timeout, destination }))
  if (there.length === 0) return there
  await app.control.mailbox.tell(name, {}, { destination })
  const replies = there.map(({ node }) => ({ node, value: { ok: `${name} sent` } }))
  if (!printer.isJson) for (const reply of replies) printer.line(showReply(printer, reply, true))
  return replies
}

/** None, and the exit code that says so, where nobody answers or the broker cannot be reached. */
async function ask(run: CommandRun, asking: () => Promise<readonly ControlReply[]>): Promise<readonly ControlReply[]> {
  try {
    const replies = await asking()
    if (replies.length > 0) return replies
    run.printer.error(nobody)
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error
    run.printer.error(error.message)
  }
  run.exitCode = unavailable
  return []
}

function askOptions(printer: Printer, { timeout, destination }: RemoteOptions, withBody: boolean): AskOptions {
  const onReply = (reply: ControlReply): void => printer.line(showReply(printer, reply, withBody))
  return { timeout, destination, ...(!printer.isJson && { onReply }) }
}

function sayOnline(printer: Printer, replies: readonly ControlReply[]): void {
  const count = new Set(replies.map(({ node }) => node)).size
  if (!printer.isQuiet) printer.line(`\n${count} node${count === 1 ? '' : 's'} online.`)
}

function byNode(replies: readonly ControlReply[]): Record<string, unknown> {
  return Object.fromEntries(replies.map(({ node, value }) => [node, value]))
}

function namesOf(type: CommandSpec['type'], specs: CommandSpecs): string[] {
  return commandsOf(type, specs).map(([name]) => name)
}

function printerOf(run: CommandRun, { j }: RemoteOptions): Printer {
  return j ? new Printer(run.terminal, { ...run.options, json: true }) : run.printer
}
