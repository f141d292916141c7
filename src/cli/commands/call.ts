import { Command } from 'commander'
import type { CallOptions } from '../../app/call-options.ts'
import type { Duration } from '../../util/duration.ts'
import { nearest } from '../../util/nearest.ts'
import type { CommandRun } from '../command-run.ts'
import { duration, jsonList, jsonObject, time, wholeNumber } from '../option-values.ts'
import { openResults, showOutcome, waitForOutcome } from '../task-outcome.ts'

interface Options {
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly countdown?: Duration
  readonly eta?: string
  readonly expires?: Duration
  readonly queue?: string
  readonly priority?: number
  readonly taskId?: string
  readonly serializer?: string
  readonly wait?: true | Duration
}

const help = `
Prints the id of the task; with --wait its result, and exits with 1 if it failed.

Examples:
  celeriac -A ./app.ts call demo.add -a '[2, 3]'
  celeriac -b redis://localhost call py.tasks.resize -a '[42]' -k '{"width": 80}' --queue images
  celeriac -A ./app.ts call demo.add -a '[2, 3]' --wait 10s`

export function callCommand(run: CommandRun): Command {
  return new Command('call')
    .description('call a task by its name')
    .argument('<name>', 'name of the task, such as demo.add')
    .option('-a, --args <json>', 'arguments as a JSON list', jsonList)
    .option('-k, --kwargs <json>', 'keyword arguments as a JSON object', jsonObject)
    .option('--countdown <duration>', 'not before so long from now', duration)
    .option('--eta <date>', 'not before this time (ISO 8601; without an offset in the timezone of the app)', time)
    .option('--expires <duration>', 'drop it if it did not start by then', duration)
    .option('--queue <name>', 'queue to send it to')
    .option('--priority <n>', '0 to 9, higher first', wholeNumber(0, 9))
    .option('--task-id <id>', 'id to give it')
    .option('--serializer <name>', 'json, msgpack or yaml')
    .option('--wait [duration]', 'wait for its result, for ever or so long', duration)
    .addHelpText('after', help)
    .action((name: string, options: Options) => call(run, name, options))
}

async function call(run: CommandRun, name: string, options: Options): Promise<void> {
  const { app, file } = await run.openApp()
  if (file !== undefined) await app.loadTasks()
  if (file !== undefined && !app.tasks.has(name)) {
    const near = nearest(name, app.tasks.names())
    const suggestion = near === undefined ? '' : ` (did you mean ${near}?)`
    run.printer.note(`${app.name} defines no task ${name}${suggestion}; sent for a worker that does`)
  }
  const { args = [], wait, ...others } = options
  // Before anything is sent.
  if (wait !== undefined) await openResults(app)
  const result = await app.send(name, args, others satisfies CallOptions)
  if (wait === undefined) return run.printer.result({ taskId: result.id }, result.id)
  const outcome = await waitForOutcome(result, wait === true ? undefined : wait)
  run.exitCode = outcome.state === 'SUCCESS' ? 0 : 1
  showOutcome(run.printer, outcome)
}
