import { Command, Option } from 'commander'
import { outboxMigration } from '../../app/outbox-table.ts'
import type { SqlDialect } from '../../orms/orm-adapter.ts'
import type { CommandRun } from '../command-run.ts'

const help = `
Makes the outbox table in the database of every ORM of the app, where it is not there yet. With --sql it prints the
statement instead, for migrations of your own.

Examples:
  celeriac -A ./app.ts migrate
  celeriac migrate --sql postgres > migrations/0042_celeriac_outbox.sql`

export function migrateCommand(run: CommandRun): Command {
  return new Command('migrate')
    .description("make the tables that celeriac needs in the app's databases")
    .addOption(new Option('--sql <dialect>', 'print the SQL instead').choices(['postgres', 'mysql', 'sqlite']))
    .addHelpText('after', help)
    .action((options: { readonly sql?: SqlDialect }) => migrate(run, options.sql))
}

async function migrate(run: CommandRun, dialect: SqlDialect | undefined): Promise<void> {
  if (dialect !== undefined) {
    const { app } = await run.openApp()
    const sql = `${outboxMigration(dialect, app.config.outbox.table)};`
    return run.printer.result({ dialect, sql }, sql)
  }
  const { app } = await run.openApp({ needsModule: true })
  await app.loadTasks()
  const { Outbox } = await import('../../outbox/outbox.ts')
  const orms = await new Outbox(app).migrate()
  const text =
    orms.length === 0
      ? 'the app uses no ORM with transactions: nothing to do'
      : `${app.config.outbox.table} is there: ${orms.join(', ')}`
  run.printer.result({ table: app.config.outbox.table, orms }, text)
}
