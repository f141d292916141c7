import { Command } from 'commander'
import type { DeadLetter } from '../../app/dead-letters.ts'
import { deadLetterQueue } from '../../protocol/message.ts'
import type { CommandRun } from '../command-run.ts'
import { confirm } from '../confirm.ts'
import { wholeNumber } from '../option-values.ts'
import { table } from '../output.ts'
import { withProgress } from '../progress.ts'

const help = `
A message becomes a dead letter when it cannot be run: unreadable, an unknown task, rejected, or its workers died too often.

Examples:
  celeriac dead list                     what is there, and why
  celeriac dead list mail --json
  celeriac dead redrive mail             send all back to their queue
  celeriac dead redrive mail <id> <id>   only these
  celeriac dead purge mail`

export function deadCommand(run: CommandRun): Command {
  const queue = ['[queue]', 'queue they died in (default: task_default_queue)'] as const
  return new Command('dead')
    .description('look at dead letters, send them back, delete them')
    .addHelpText('after', help)
    .addCommand(
      new Command('list')
        .description('print the dead letters of a queue, oldest first')
        .argument(...queue)
        .option('-n, --limit <n>', 'at most so many', wholeNumber(1), 100)
        .action((name: string | undefined, options: { readonly limit: number }) => printDead(run, name, options.limit)),
    )
    .addCommand(
      new Command('redrive')
        .description('send dead letters back to the queue they died in')
        .argument(...queue)
        .argument('[ids...]', 'ids of the tasks (default: all)')
        .action((name: string | undefined, ids: readonly string[]) => redriveDead(run, name, ids)),
    )
    .addCommand(
      new Command('purge')
        .description('delete the dead letters of a queue')
        .argument(...queue)
        .option('-f, --force', 'do not ask', false)
        .action((name: string | undefined, options: { readonly force: boolean }) =>
          purgeDead(run, name, options.force),
        ),
    )
}

async function printDead(run: CommandRun, name: string | undefined, limit: number): Promise<void> {
  const { app } = await run.openApp()
  const { listDeadLetters } = await import('../../app/dead-letters.ts')
  const letters = []
  for await (const letter of listDeadLetters(await app.openBroker(), name ?? app.config.task.defaultQueue)) {
    if (letters.push(describe(letter)) >= limit) break
  }
  const rows = letters.map(({ taskId, task, at, deliveries, reason }) => [taskId, task, at, deliveries, reason])
  const text = rows.length === 0 ? 'No dead letters.' : table(['ID', 'TASK', 'AT', 'DELIVERIES', 'REASON'], rows)
  run.printer.result(letters, text)
}

function describe({ taskId, taskName, death }: DeadLetter): {
  readonly taskId: string
  readonly task: string
  readonly at: string
  readonly deliveries: number | string
  readonly reason: string
} {
  return {
    taskId: taskId ?? '?',
    task: taskName ?? '?',
    at: death?.at ?? '?',
    deliveries: death?.deliveries ?? '?',
    reason: death?.reason ?? 'unknown',
  }
}

async function redriveDead(run: CommandRun, name: string | undefined, ids: readonly string[]): Promise<void> {
  const { app } = await run.openApp()
  const { redrive } = await import('../../app/dead-letters.ts')
  const queue = name ?? app.config.task.defaultQueue
  const broker = await app.openBroker()
  const source = deadLetterQueue(queue)
  const long = {
    label: `sending back to ${queue}`,
    total: await broker.count(source),
    left: () => broker.count(source),
  }
  const redriven = await withProgress(run, long, () =>
    redrive(broker, queue, ids.length === 0 ? {} : { taskIds: new Set(ids) }),
  )
  if (redriven < ids.length) {
    run.printer.note(`${ids.length - redriven} of the ids are not among the dead letters of ${queue}.`)
    run.exitCode = 1
  }
  run.printer.result({ queue, redriven }, `${redriven} sent back to ${queue}.`)
}

async function purgeDead(run: CommandRun, name: string | undefined, force: boolean): Promise<void> {
  const { app } = await run.openApp()
  const queue = name ?? app.config.task.defaultQueue
  if (!(await confirm(run, `Delete all dead letters of ${queue}?`, force))) {
    run.exitCode = 1
    return
  }
  const broker = await app.openBroker()
  const dead = deadLetterQueue(queue)
  const long = {
    label: `deleting dead letters of ${queue}`,
    total: await broker.count(dead),
    left: () => broker.count(dead),
  }
  const purged = await withProgress(run, long, () => broker.purge(dead))
  run.printer.result({ queue, purged }, `${purged} deleted.`)
}
