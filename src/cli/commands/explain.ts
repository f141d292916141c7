import { Command } from 'commander'
import type { Explanation, Reason } from '../../app/explanation.ts'
import type { Duration } from '../../util/duration.ts'
import type { CommandRun } from '../command-run.ts'
import { duration, wholeNumber } from '../option-values.ts'
import { printable } from '../output.ts'

interface Options {
  readonly timeout: Duration
  readonly limit: number
}

const help = `
Looks for the message in the queues, among what workers hold, and among the dead letters; reads the result; and asks the
workers, of celeriac and of Celery. With -A it looks into the app's outboxes too. Nothing is taken or changed.
Exits with 1 if nothing is known of the task.

Examples:
  celeriac explain 0c1b7b0e-5d8e-4a6f-9a5e-2f3b1c4d5e6f
  celeriac -A ./app.ts explain <id> --json
  celeriac -b redis://localhost --result-backend redis://localhost explain <id> --timeout 3s`

export function explainCommand(run: CommandRun): Command {
  return new Command('explain')
    .description('say why a task is not running, or what became of it')
    .argument('<id>', 'id of the task')
    .option('-t, --timeout <duration>', 'how long workers may take to answer', duration, 1)
    .option(
      '--limit <n>',
      'look at so many of the newest messages, and of those that come next, at most',
      wholeNumber(1),
      100_000,
    )
    .addHelpText('after', help)
    .action((id: string, options: Options) => explainTask(run, id, options))
}

async function explainTask(run: CommandRun, id: string, options: Options): Promise<void> {
  const { app } = await run.openApp()
  const explanation = await app.explain(id, options)
  if (explanation.reason.kind === 'unknown') run.exitCode = 1
  run.printer.result(explanation, text(run, explanation))
}

function text({ printer }: CommandRun, { taskId, taskName = 'task', reason, lines }: Explanation): string {
  const head = `${printable(taskName)}[${printable(taskId)}]: ${printer.paint(colours[reason.kind], labels[reason.kind])}`
  return [head, ...lines.map((line) => `  ${printable(line)}`)].join('\n')
}

const labels = {
  finished: 'finished',
  running: 'running',
  reserved: 'taken by a worker',
  held: 'held',
  deferred: 'deferred',
  waiting: 'waiting',
  noConsumer: 'no consumer',
  outbox: 'in the outbox',
  revoked: 'revoked',
  expired: 'expired',
  dead: 'dead letter',
  unknown: 'unknown',
} as const satisfies Record<Reason['kind'], string>

const colours = {
  finished: 'green',
  running: 'green',
  reserved: 'cyan',
  held: 'yellow',
  deferred: 'cyan',
  waiting: 'cyan',
  noConsumer: 'yellow',
  outbox: 'yellow',
  revoked: 'yellow',
  expired: 'yellow',
  dead: 'red',
  unknown: 'red',
} as const satisfies Record<Reason['kind'], string>
