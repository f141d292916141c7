import { Command } from 'commander'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { maskUrl } from '../../app/mask-secrets.ts'
import type { CommandRun } from '../command-run.ts'
import { show } from '../output.ts'
import { packageVersion } from '../../util/own-files.ts'

const help = `
Paste it into a bug report: passwords are masked.

Example:
  celeriac -A ./app.ts report`

/** Packages that celeriac works with where they are installed. */
const optionalPackages = ['@msgpack/msgpack', 'yaml', 'typeorm', 'typescript'] as const

export function reportCommand(run: CommandRun): Command {
  return new Command('report')
    .description('print versions and settings for a bug report')
    .addHelpText('after', help)
    .action(() => printReport(run))
}

async function printReport(run: CommandRun): Promise<void> {
  const { app, file } = await run.openApp()
  if (file !== undefined) await app.loadTasks()
  const { describeConfig } = await import('../../app/config.ts')
  const changed = describeConfig(app.config).filter((row) => row.isChanged)
  const report = {
    celeriac: packageVersion(),
    node: process.version,
    platform: `${os.platform()} ${os.release()} ${os.arch()}, ${os.availableParallelism()} CPUs`,
    app: file === undefined ? 'none' : `${app.name} (${file})`,
    broker: maskUrl(app.config.broker.url),
    results: maskUrl(app.config.result.backend ?? 'disabled'),
    tasks: app.tasks.names(),
    packages: Object.fromEntries(optionalPackages.map((name) => [name, installedVersion(name)])),
    settings: Object.fromEntries(changed.map((row) => [row.name, row.value ?? null])),
  }
  const lines = Object.entries(report).map(([name, value]) => `${name.padEnd(9)} ${line(value)}`)
  run.printer.result(report, lines.join('\n'))
}

function line(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ')
  const entries = Object.entries(value as object)
  return entries.length === 0 ? 'all default' : entries.map(([name, inner]) => `${name} ${text(inner)}`).join(', ')
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : show(value)
}

function installedVersion(name: string): string {
  const require = createRequire(path.join(process.cwd(), 'noop.js'))
  for (const folder of require.resolve.paths(name) ?? []) {
    const version = versionOf(path.join(folder, name, 'package.json'))
    if (version !== 'none') return version
  }
  return 'none'
}

function versionOf(file: string): string {
  try {
    return (createRequire(import.meta.url)(file) as { readonly version: string }).version
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return 'none'
    throw error
  }
}
