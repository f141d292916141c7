import { Command } from 'commander'
import { builtinCommands } from '../../control/builtin-commands.ts'
import type { CommandRun } from '../command-run.ts'
import { listCommands } from '../remote-arguments.ts'
import { runRemote, withRemoteOptions, type RemoteOptions } from '../remote.ts'

const help = `
Control commands:
${listCommands('control', builtinCommands)}

All workers are meant unless -d names some. What is changed lasts until the worker ends. With -A, the controlCommand()s of
the app may be sent, too. Exit codes: 0 somebody answered, 69 nobody did, 2 the command line is wrong.

Examples:
  celeriac control rate_limit mail.send 100/m
  celeriac -b redis://localhost control add_consumer video -d w1@host
  celeriac control revoke 0199f3a2-5f8e-7c1b-9a0d-3f1c2b4a5d6e
  celeriac control shutdown -d w1@host`

export function controlCommand(run: CommandRun): Command {
  return withRemoteOptions(new Command('control'))
    .description('tell the workers to change something')
    .argument('[command]', 'one of those below')
    .argument('[arguments...]', 'what it takes')
    .option('--list', 'print the commands')
    .addHelpText('after', help)
    .action((name: string | undefined, words: readonly string[], options: RemoteOptions) =>
      runRemote(run, 'control', name, words, options),
    )
}
