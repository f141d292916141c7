import { Command } from 'commander'
import { deadLetterQueue } from '../../protocol/message.ts'
import type { CommandRun } from '../command-run.ts'
import { list } from '../option-values.ts'
import { table } from '../output.ts'
import { knownQueues } from '../queue-names.ts'

const help = `
Waiting messages are ready or deferred (ETA, retry); those that a worker holds do not count.

Examples:
  celeriac queues
  celeriac -A ./app.ts queues -Q mail,celery --json`

export function queuesCommand(run: CommandRun): Command {
  return new Command('queues')
    .description('print how many messages wait in each queue')
    .option('-Q, --queues <names>', 'these queues, with commas between (default: all that are known)', list)
    .addHelpText('after', help)
    .action((options: { readonly queues?: readonly string[] }) => printQueues(run, options.queues))
}

async function printQueues(run: CommandRun, wanted: readonly string[] | undefined): Promise<void> {
  const { app } = await run.openApp()
  const broker = await app.openBroker()
  const rows = []
  for (const queue of wanted ?? (await knownQueues(broker, app.config))) {
    rows.push({ queue, waiting: await broker.count(queue), dead: await broker.count(deadLetterQueue(queue)) })
  }
  const lines = rows.map(({ queue, waiting, dead }) => [queue, waiting, dead])
  run.printer.result(rows, table(['QUEUE', 'WAITING', 'DEAD'], lines))
}
