import { Command } from 'commander'
import type { CommandRun } from '../command-run.ts'
import { showStatus, withRemoteOptions, type RemoteOptions } from '../remote.ts'

const help = `
Exit codes: 0 somebody answered, 69 nobody did.

Examples:
  celeriac status
  celeriac -b redis://localhost status -t 3 --json`

export function statusCommand(run: CommandRun): Command {
  return withRemoteOptions(new Command('status'))
    .description('print which workers are online')
    .addHelpText('after', help)
    .action((options: RemoteOptions) => showStatus(run, options))
}
