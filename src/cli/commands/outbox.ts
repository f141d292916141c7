import { Command } from 'commander'
import { ImproperlyConfigured } from '../../errors.ts'
import type { CommandRun } from '../command-run.ts'
import { logLevel } from '../option-values.ts'
import type { LogLevel } from '../../util/logger.ts'
import { table } from '../output.ts'
import { outliveReaders } from '../readers.ts'
import { untilSignalled } from '../until-signalled.ts'

const help = `
Every worker relays the outboxes of its app too; this is for where no worker runs, or for more of them.

Examples:
  celeriac -A ./app.ts outbox            relay until told to stop
  celeriac -A ./app.ts outbox status     what waits, and since when`

export function outboxCommand(run: CommandRun): Command {
  return new Command('outbox')
    .description("send what transactions wrote into the app's outboxes")
    .option('-l, --loglevel <level>', 'debug, info, warning or error (default: info)', logLevel)
    .addHelpText('after', help)
    .action((options: { readonly loglevel?: LogLevel }) => relay(run, options.loglevel ?? 'info'))
    .addCommand(
      new Command('status').description('print how many messages wait in each outbox').action(() => printStatus(run)),
    )
}

async function relay(run: CommandRun, level: LogLevel): Promise<void> {
  const { app } = await run.openApp({ needsModule: true, logLevel: level })
  await app.loadTasks()
  if (app.models.adapters.length === 0) {
    throw new ImproperlyConfigured('the app uses no ORM: give one to app.models.use() in its module')
  }
  const { Outbox } = await import('../../outbox/outbox.ts')
  app.log.info({ orms: app.models.adapters.map(({ name }) => name).join(', ') }, 'Relaying the outboxes of {orms}')
  outliveReaders()
  await untilSignalled((signal) => new Outbox(app).run(signal))
}

async function printStatus(run: CommandRun): Promise<void> {
  const { app } = await run.openApp({ needsModule: true })
  await app.loadTasks()
  const { Outbox } = await import('../../outbox/outbox.ts')
  const rows = await new Outbox(app).status()
  const lines = rows.map(({ orm, waiting, oldestMs }) => [
    orm,
    waiting,
    oldestMs === undefined ? '-' : `${(oldestMs / 1000).toFixed(1)} s`,
  ])
  run.printer.result(rows, table(['ORM', 'WAITING', 'OLDEST'], lines))
}
