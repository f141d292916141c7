import { Command } from 'commander'
import type { CommandRun } from '../command-run.ts'
import { confirm } from '../confirm.ts'
import { list } from '../option-values.ts'
import { table } from '../output.ts'
import { withProgress } from '../progress.ts'
import { configuredQueues } from '../../app/configured-queues.ts'

interface Options {
  readonly force: boolean
  readonly queues?: readonly string[]
  readonly excludeQueues?: readonly string[]
}

const help = `
There is no way back. Messages that a worker holds, and dead letters, stay.

Examples:
  celeriac -A ./app.ts purge
  celeriac purge -Q mail,video --force`

export function purgeCommand(run: CommandRun): Command {
  return new Command('purge')
    .description('delete all waiting messages')
    .option('-f, --force', 'do not ask', false)
    .option('-Q, --queues <names>', 'these queues, with commas between (default: those of the settings)', list)
    .option('-X, --exclude-queues <names>', 'but not these', list)
    .addHelpText('after', help)
    .action((options: Options) => purge(run, options))
}

async function purge(run: CommandRun, options: Options): Promise<void> {
  const { app } = await run.openApp()
  const queues = (options.queues ?? configuredQueues(app.config)).filter(
    (name) => !options.excludeQueues?.includes(name),
  )
  if (!(await confirm(run, `Delete all waiting messages of ${queues.join(', ')}?`, options.force))) {
    run.exitCode = 1
    return
  }
  const broker = await app.openBroker()
  const rows = []
  for (const queue of queues) {
    const long = { label: `purging ${queue}`, total: await broker.count(queue), left: () => broker.count(queue) }
    rows.push({ queue, purged: await withProgress(run, long, () => broker.purge(queue)) })
  }
  run.printer.result(
    rows,
    table(
      ['QUEUE', 'PURGED'],
      rows.map(({ queue, purged }) => [queue, purged]),
    ),
  )
}
