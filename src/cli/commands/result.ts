import { Command } from 'commander'
import type { Duration } from '../../util/duration.ts'
import type { CommandRun } from '../command-run.ts'
import { duration } from '../option-values.ts'
import { currentOutcome, openResults, showOutcome, waitForOutcome } from '../task-outcome.ts'

interface Options {
  readonly traceback: boolean
  readonly wait?: true | Duration
}

const help = `
Exits with 1 if the task failed or was revoked.

Examples:
  celeriac result 0c1b7b0e-5d8e-4a6f-9a5e-2f3b1c4d5e6f
  celeriac -A ./app.ts result <id> --traceback
  celeriac -A ./app.ts result <id> --wait 1m --json`

export function resultCommand(run: CommandRun): Command {
  return new Command('result')
    .description('print the state and the result of a task')
    .argument('<id>', 'id of the task')
    .option('--traceback', 'print the stack of a task that failed', false)
    .option('--wait [duration]', 'wait until it is over, for ever or so long', duration)
    .addHelpText('after', help)
    .action((id: string, options: Options) => printResult(run, id, options))
}

async function printResult(run: CommandRun, id: string, { wait, traceback }: Options): Promise<void> {
  const { app } = await run.openApp()
  await openResults(app)
  const result = app.result(id)
  const outcome = await (wait === undefined
    ? currentOutcome(result)
    : waitForOutcome(result, wait === true ? undefined : wait))
  if (outcome.state === 'FAILURE' || outcome.state === 'REVOKED') run.exitCode = 1
  showOutcome(run.printer, outcome, { traceback })
}
