import { Command } from 'commander'
import { maskUrl } from '../../app/mask-secrets.ts'
import { ImproperlyConfigured } from '../../errors.ts'
import { durationMs, type Duration } from '../../util/duration.ts'
import type { CommandRun } from '../command-run.ts'
import { duration } from '../option-values.ts'
import { untilSignalled } from '../until-signalled.ts'
import { setLongTimeout } from '../../util/long-timeout.ts'

interface Options {
  readonly dump?: true
  readonly camera?: string
  readonly frequency?: Duration
}

const help = `
Workers tell of their tasks with -E, with worker_send_task_events, or once they are told: celeriac control enable_events.
In a terminal, j and k move, i, r and t show a task, c revokes it, l limits the rate of its name, q quits.
A camera is a class without arguments: onShutter(state) is given what is known of workers and tasks.

Examples:
  celeriac -b redis://localhost events              look on
  celeriac -b redis://localhost events --dump       a line for each event, as Celery writes it
  celeriac --json events | jq .type                 each event as an object on a line
  celeriac events --camera ./camera.ts:Camera --frequency 30s`

export function eventsCommand(run: CommandRun): Command {
  return new Command('events')
    .description('watch workers and tasks, those of Celery too')
    .option('-d, --dump', 'print a line for each event, until Ctrl-C')
    .option('-c, --camera <module:Class>', 'show the state to a camera again and again')
    .option('-F, --frequency <duration>', 'from one picture of the camera to the next (default: 1s)', duration)
    .addHelpText('after', help)
    .action((options: Options) => watchEvents(run, options))
}

async function watchEvents(run: CommandRun, { dump, camera, frequency = 1 }: Options): Promise<void> {
  if (camera !== undefined) return takePictures(run, camera, durationMs(frequency, '--frequency'))
  if (run.printer.isJson || dump) return printEvents(run)
  const { processScreen } = await import('../monitor/terminal-screen.ts')
  const screen = processScreen(process, run.options.colour && (run.terminal.env['NO_COLOR'] ?? '') === '')
  if (!screen) {
    throw new ImproperlyConfigured(
      'celeriac events needs a terminal; give --dump or --json to write into a file or a pipe',
    )
  }
  const { app } = await run.openApp()
  const { runMonitor } = await import('../monitor/monitor.ts')
  await untilSignalled((signal) => runMonitor({ app, screen, broker: maskUrl(app.config.broker.url), signal }))
}

/** Until a signal. */
async function printEvents(run: CommandRun): Promise<void> {
  const { app } = await run.openApp()
  const { EventDump } = await import('../event-dump.ts')
  const dump = new EventDump()
  const { out } = run.terminal
  const isJson = run.printer.isJson
  await using receiver = app.events.receiver({
    handlers: { '*': (event) => void out.write(`${isJson ? JSON.stringify(event.wire) : dump.line(event)}\n`) },
  })
  await untilSignalled(async (signal) => {
    await receiver.listen()
    run.printer.note('listening for events; Ctrl-C ends it')
    await receiver.capture({ signal })
  })
}

async function takePictures(run: CommandRun, specifier: string, everyMs: number): Promise<void> {
  if (everyMs <= 0) throw new ImproperlyConfigured(`--frequency must be more than 0, got ${everyMs / 1000} s`)
  const { loadCamera } = await import('../camera.ts')
  const [{ app }, camera] = [await run.openApp(), await loadCamera(specifier, process.cwd())]
  const { ClusterState } = await import('../../events/cluster-state.ts')
  const state = new ClusterState()
  await using receiver = app.events.receiver({ handlers: { '*': (event) => state.apply(event) } })
  await receiver.listen()
  await receiver.wakeup()
  await untilSignalled(async (signal) => {
    while (!signal.aborted) {
      await pause(everyMs, signal)
      await camera.onShutter(state)
      if (camera.clearAfter) state.clear()
    }
  })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setLongTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
  })
}
