import { Command } from 'commander'
import { maskUrl } from '../../app/mask-secrets.ts'
import { ImproperlyConfigured } from '../../errors.ts'
import type { Autoscale } from '../../app/config-type.ts'
import type { WorkerOptions } from '../../worker/worker-options.ts'
import type { Worker } from '../../worker/worker.ts'
import type { Duration } from '../../util/duration.ts'
import type { LogLevel } from '../../util/logger.ts'
import type { CommandRun } from '../command-run.ts'
import type { OpenedApp } from '../open-app.ts'
import {
  autoscale,
  duration,
  list,
  logLevel,
  memorySize,
  poolName,
  wholeNumber,
  type PoolName,
} from '../option-values.ts'
import { outliveReaders } from '../readers.ts'

interface Options {
  readonly loglevel?: LogLevel
  readonly pool?: PoolName
  readonly concurrency?: number
  readonly autoscale?: Autoscale
  readonly maxTasksPerChild?: number
  readonly maxMemoryPerChild?: number | string
  readonly queues?: readonly string[]
  readonly hostname?: string
  readonly include?: readonly string[]
  readonly prefetchMultiplier?: number
  readonly timeLimit?: Duration
  readonly softTimeLimit?: Duration
  readonly shutdownTimeout?: Duration
  readonly taskEvents?: true
  readonly withoutHeartbeat?: true
  readonly heartbeatInterval?: Duration
  readonly withoutGossip?: true
  readonly withoutMingle?: true
  readonly drain?: true
  readonly healthPort?: string
  readonly healthFile?: string
}

const help = `
Signals:
  SIGTERM, SIGINT, SIGHUP   warm shutdown: finish what runs, give back what waits; a second one is cold
  SIGQUIT                   cold shutdown: abort what runs and give everything back
A third signal ends the process at once; its tasks come back when their lease has run out.
The last log line says what was finished and what was given back. Exit code 0: no task was cut off; 1: some were.

Examples:
  celeriac -A ./app.ts worker -l INFO
  celeriac -A ./app.ts worker -Q mail,celery -c 20 -n mail@%h
  celeriac -A ./app.ts worker -P processes --max-tasks-per-child 1000
  celeriac -A ./app.ts worker --drain       run what waits, then stop`

export function workerCommand(run: CommandRun): Command {
  return new Command('worker')
    .description('run tasks until told to stop')
    .option('-l, --loglevel <level>', 'debug, info, warning or error (default: CELERY_LOG_LEVEL or info)', logLevel)
    .option('-c, --concurrency <n>', 'tasks that run at once (default: worker_concurrency)', wholeNumber(1))
    .option('-P, --pool <pool>', 'async, solo, threads or processes (default: worker_pool)', poolName)
    .option('--autoscale <max,min>', 'instead of -c: by how much there is to do', autoscale)
    .option('--max-tasks-per-child <n>', 'replace a thread or process after so many tasks', wholeNumber(1))
    .option('--max-memory-per-child <size>', 'replace one that takes more: KiB, or such as 200MB', memorySize)
    .option('-Q, --queues <names>', 'queues to serve, with commas between (default: task_default_queue)', list)
    .option('-n, --hostname <name>', 'name of this worker; %h is the host, %n the part before the @')
    .option('-I, --include <modules>', 'more modules to import, with commas between', list)
    .option('--prefetch-multiplier <n>', 'messages held for each slot', wholeNumber(0))
    .option('--time-limit <duration>', 'hard time limit of tasks that have none', duration)
    .option('--soft-time-limit <duration>', 'soft time limit of tasks that have none', duration)
    .option('--shutdown-timeout <duration>', 'how long a warm shutdown may take', duration)
    .option('-E, --task-events', 'send events of tasks for monitors to watch')
    .option('--without-heartbeat', 'send no heartbeats')
    .option('--heartbeat-interval <duration>', 'from one heartbeat to the next (default: 2s)', duration)
    .option('--without-gossip', 'accepted: workers of celeriac never listen to the events of others')
    .option('--without-mingle', 'ask no other workers at the start what is revoked')
    .option('--drain', 'stop when the queues are empty')
    .option('--health-port <[host:]port>', 'answer over HTTP: /live, /ready with 200 or 503, and /metrics')
    .option('--health-file <file>', 'write this file every 5 s while ready; a probe looks at its age')
    .addHelpText('after', help)
    .action((options: Options) => runWorker(run, options))
}

function levelOf(run: CommandRun, options: Options): LogLevel {
  if (options.loglevel !== undefined) return options.loglevel
  const text = run.terminal.env['CELERY_LOG_LEVEL'] ?? ''
  try {
    return text === '' ? 'info' : logLevel(text)
  } catch (error) {
    // As a cause it would be shown with its stack, which tells people nothing.
    throw new ImproperlyConfigured(`CELERY_LOG_LEVEL is '${text}': ${(error as Error).message}`)
  }
}

async function runWorker(run: CommandRun, options: Options): Promise<void> {
  const opened = await run.openApp({ needsModule: true, logLevel: levelOf(run, options) })
  const { app } = opened
  const { importTaskModules } = await import('../../app/autodiscover.ts')
  await app.loadTasks()
  await importTaskModules(options.include ?? [], process.cwd())
  const { Worker } = await import('../../worker/worker.ts')
  const worker = new Worker(app, workerOptions(options, opened))
  if (run.terminal.err.isTTY === true) run.printer.note(banner(opened, worker))
  const stop = new AbortController()
  const forgetSignals = listenToSignals(worker, stop)
  outliveReaders()
  try {
    await worker.run(stop.signal)
  } finally {
    forgetSignals()
  }
  if ((worker.shutdown?.cutOff ?? 0) > 0) run.exitCode = 1
}

function workerOptions(options: Options, { file }: OpenedApp): WorkerOptions {
  const { hostname, loglevel: _, withoutGossip: _gossip, ...others } = options
  return {
    ...others,
    ...(hostname !== undefined && { name: hostname }),
    ...(file !== undefined && { appModule: file }),
  }
}

/** The first signal is warm, the next cold; after that nothing is waited for. */
function listenToSignals(worker: Worker, stop: AbortController): () => void {
  let received = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    received += 1
    if (received > 2) process.exit(1)
    if (received > 1 || signal === 'SIGQUIT') worker.stop('cold')
    else stop.abort(signal)
  }
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

function banner({ app, file }: OpenedApp, worker: Worker): string {
  const { config } = app
  const names = app.tasks.names()
  return [
    ` ${worker.name}`,
    `  app:         ${app.name} (${file})`,
    `  broker:      ${maskUrl(config.broker.url)}`,
    `  results:     ${maskUrl(config.result.backend ?? 'disabled')}`,
    `  concurrency: ${worker.concurrency} (${worker.pool})`,
    `  queues:      ${worker.queues.join(', ')}`,
    `  tasks:       ${names.length === 0 ? 'none' : names.join(', ')}`,
    '',
  ].join('\n')
}
