import { Command } from 'commander'

/** Options that stand before or after the command's name. */
export interface GlobalOptions {
  readonly app?: string
  readonly broker?: string
  readonly resultBackend?: string
  readonly config?: string
  readonly workdir?: string
  readonly colour: boolean
  readonly quiet: boolean
  readonly json: boolean
}

const help = `
Environment:
  CELERY_APP, CELERY_CONFIG     stand for -A and --config
  CELERY_BROKER_URL, …          every setting, read by the app of configFromEnv() and where there is no -A
  NO_COLOR                      no colours

Exit codes: 0 done, 1 failed, 2 the command line, the app module or the settings are wrong, 69 no worker answered.

Examples:
  celeriac init my-app                              write a small app to start from
  celeriac -A ./app.ts worker -l INFO               run its tasks
  celeriac -A ./app.ts call demo.add -a '[2, 3]' --wait
  celeriac queues                                   how much waits in ./celeriac.db`

export function createProgram(version: string): Command {
  return new Command('celeriac')
    .description('Tasks, workers and results: Celery for TypeScript')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('-A, --app <module>', 'path or package of the app, with :name where it exports several')
    .option('-b, --broker <url>', 'broker to use instead of the configured one')
    .option('--result-backend <url>', 'result backend to use instead of the configured one')
    .option('--config <file>', 'more settings: a .json file, or a module that exports them')
    .option('--workdir <folder>', 'change to this folder first')
    .option('-C, --no-color', 'no colours')
    .option('-q, --quiet', 'print only results and errors', false)
    .option('--json', 'print results as JSON', false)
    .addHelpText('after', help)
}

/** The global options as commander parsed them. */
export function globalOptions(program: Command): GlobalOptions {
  const { color, ...others } = program.opts<Omit<GlobalOptions, 'colour'> & { readonly color: boolean }>()
  return { ...others, colour: color }
}
