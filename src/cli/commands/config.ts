import { Command } from 'commander'
import type { ConfigRow } from '../../app/config.ts'
import type { CommandRun } from '../command-run.ts'
import { show, table, type Printer } from '../output.ts'

interface Options {
  readonly changed: boolean
  readonly docs: boolean
}

const help = `
Passwords are masked. A star marks what differs from the default.

Examples:
  celeriac -A ./app.ts config --changed
  celeriac config --docs                 every setting with what it does
  celeriac config --json`

export function configCommand(run: CommandRun): Command {
  return new Command('config')
    .description('print the effective configuration')
    .option('--changed', 'only what differs from the defaults', false)
    .option('--docs', 'with what each setting does and may be', false)
    .addHelpText('after', help)
    .action((options: Options) => printConfig(run, options))
}

async function printConfig(run: CommandRun, options: Options): Promise<void> {
  const { app } = await run.openApp()
  const { describeConfig } = await import('../../app/config.ts')
  const rows = describeConfig(app.config).filter((row) => row.isChanged || !options.changed)
  run.printer.result(rows.map(forJson), options.docs ? documented(rows, run.printer) : listed(rows))
}

function listed(rows: readonly ConfigRow[]): string {
  if (rows.length === 0) return 'Every setting has its default.'
  return table(
    ['', 'SETTING', 'VALUE'],
    rows.map((row) => [row.isChanged ? '*' : ' ', row.name, valueText(row, row.value)]),
  )
}

function documented(rows: readonly ConfigRow[], printer: Printer): string {
  const paragraphs = rows.map((row) =>
    [
      `${printer.paint('bold', row.name)} = ${valueText(row, row.value)}${row.isChanged ? ` (default ${valueText(row, row.default)})` : ''}`,
      `  ${row.doc}`,
      `  Must be ${row.expects}.`,
    ].join('\n'),
  )
  return paragraphs.join('\n\n')
}

function forJson({ name, value, default: standard, isChanged, doc, unit }: ConfigRow): object {
  return { name, value: value ?? null, default: standard ?? null, isChanged, doc, ...(unit && { unit }) }
}

function valueText(row: ConfigRow, value: unknown): string {
  return row.unit === 'ms' && typeof value === 'number' ? durationText(value) : value === undefined ? '-' : show(value)
}

/** As it may be written: in the largest unit that needs no fraction. */
function durationText(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const
  const unit = units.find(([, size]) => ms >= size && ms % size === 0)
  return unit ? `${ms / unit[1]}${unit[0]}` : `${ms}ms`
}
