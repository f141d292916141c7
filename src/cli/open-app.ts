import type { Celeriac } from '../app/app.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { LogLevel } from '../util/logger.ts'
import type { GlobalOptions } from './global-options.ts'
import { Printer } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface OpenedApp {
  readonly app: Celeriac
  /** The module it came from; undefined for the app that the command made from the environment. */
  readonly file: string | undefined
}

export interface OpenAppOptions {
  /** The command needs the tasks of an app; others need only a broker. */
  readonly needsModule?: boolean
  readonly logLevel?: LogLevel
}

/**
 * The app of `-A`, or without it one that is configured by the environment alone; over its own settings those of
 * `--config`, over them `--broker` and `--result-backend`.
 */
export async function openApp(
  terminal: Terminal,
  options: GlobalOptions,
  { needsModule = false, logLevel = 'warn' }: OpenAppOptions = {},
): Promise<OpenedApp> {
  const opened = await findApp(terminal, options, needsModule)
  const { app } = opened
  const config = options.config ?? terminal.env['CELERY_CONFIG']
  if (config !== undefined) {
    const { loadSettings } = await import('./load-settings.ts')
    const { settings, namespace } = await loadSettings(config, process.cwd())
    app.configFromObject(settings, namespace === undefined ? {} : { namespace })
  }
  if (options.broker !== undefined) app.configFromObject({ broker_url: options.broker })
  if (options.resultBackend !== undefined) app.configFromObject({ result_backend: options.resultBackend })
  await useLogger(app, terminal, options, logLevel)
  return opened
}

async function findApp(terminal: Terminal, options: GlobalOptions, needsModule: boolean): Promise<OpenedApp> {
  const specifier = options.app ?? terminal.env['CELERY_APP']
  if (specifier !== undefined && specifier !== '') {
    const { loadApp } = await import('./load-app.ts')
    return loadApp(specifier, process.cwd())
  }
  if (needsModule) {
    throw new ImproperlyConfigured(
      'no app: name the module that exports it, such as celeriac -A ./app.ts worker, or set CELERY_APP',
    )
  }
  const { Celeriac } = await import('../app/app.ts')
  return { app: new Celeriac('celeriac').configFromEnv({ ...terminal.env }), file: undefined }
}

async function useLogger(app: Celeriac, terminal: Terminal, options: GlobalOptions, level: LogLevel): Promise<void> {
  const { createLogger } = await import('../util/logger.ts')
  const style = app.config.worker.logStyle
  const colour = new Printer(terminal, options).hasColour(terminal.err)
  app.setLogger(
    createLogger({
      level: options.quiet ? 'error' : level,
      stream: terminal.err,
      colour,
      ...(style !== 'auto' && { pretty: style === 'pretty' }),
    }),
  )
}
