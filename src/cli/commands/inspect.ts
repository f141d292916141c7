import { Command } from 'commander'
import { builtinCommands } from '../../control/builtin-commands.ts'
import type { CommandRun } from '../command-run.ts'
import { listCommands } from '../remote-arguments.ts'
import { runRemote, withRemoteOptions, type RemoteOptions } from '../remote.ts'

const help = `
Inspect commands:
${listCommands('inspect', builtinCommands)}

Workers of celeriac and of Celery answer alike. With -A, the inspectCommand()s of the app may be asked, too. Exit codes:
0 somebody answered, 69 nobody did, 2 the command line is wrong.

Examples:
  celeriac inspect ping
  celeriac -b redis://localhost inspect active -d mail@host,video@host
  celeriac -A ./app.ts inspect registered rate_limit max_retries
  celeriac inspect stats --json`

export function inspectCommand(run: CommandRun): Command {
  return withRemoteOptions(new Command('inspect'))
    .description('ask the workers something, which changes nothing')
    .argument('[command]', 'one of those below')
    .argument('[arguments...]', 'what it takes')
    .option('--list', 'print the commands')
    .addHelpText('after', help)
    .action((name: string | undefined, words: readonly string[], options: RemoteOptions) =>
      runRemote(run, 'inspect', name, words, options),
    )
}
