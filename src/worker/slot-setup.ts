import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Celeriac } from '../app/app.ts'
import { configData, type ConfigData } from '../app/config-data.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { isLevelEnabled, logLevels, type LogLevel } from '../util/logger.ts'
import type { PoolOptions } from './pool-options.ts'

/** What a slot is started with: data, by which it makes the same app once more. */
export interface SlotSetup {
  readonly workerName: string
  readonly appName: string
  /** The file that makes the app. */
  readonly file: string
  /** The worker's settings: they count in the slot too. */
  readonly config: ConfigData
  readonly include: readonly string[]
  readonly tasks: readonly { readonly name: string; readonly file: string | undefined }[]
  readonly logLevels: readonly LogLevel[]
}

/** Throws ImproperlyConfigured where the module of the app is not known. */
export function slotSetup(app: Celeriac, workerName: string, { appModule, include = [] }: PoolOptions): SlotSetup {
  const file = appModule === undefined ? fileOf(app.place) : filePath(appModule)
  if (file === undefined) {
    throw new ImproperlyConfigured(
      `threads and processes import the module that makes the app, but ${app.name} was made in ${app.place}: ` +
        'name its module, such as new Worker(app, { appModule: import.meta.url })',
    )
  }
  return {
    workerName,
    appName: app.name,
    file,
    config: configData(app.config),
    include,
    tasks: [...app.tasks].map(({ name, place }) => ({ name, file: fileOf(place) })),
    logLevels: logLevels.filter((level) => isLevelEnabled(app.log, level)),
  }
}

function filePath(module: string | URL): string {
  const text = String(module)
  return text.startsWith('file:') ? fileURLToPath(text) : path.resolve(text)
}

/** The file of `file:line:column`, as stacks write it. */
function fileOf(place: string): string | undefined {
  const file = place.replace(/:\d+:\d+$/, '')
  const readable = existsSync(file) ? file : decodeURI(file)
  return path.isAbsolute(readable) ? readable : undefined
}
