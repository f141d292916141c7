import fs from 'node:fs/promises'
import path from 'node:path'
import { importModule } from '../app/import-module.ts'
import { ImproperlyConfigured } from '../errors.ts'

export interface SettingsFile {
  readonly settings: object
  /** `CELERY` where the file writes its names like `CELERY_BROKER_URL`. */
  readonly namespace: string | undefined
}

/** Reads a file of settings: JSON, or a module whose default export or exports are the settings. */
export async function loadSettings(name: string, cwd: string): Promise<SettingsFile> {
  const file = path.resolve(cwd, name)
  const settings = path.extname(file) === '.json' ? await readJson(file) : await readModule(file)
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    throw new ImproperlyConfigured(`--config ${name}: expected an object of settings, got ${JSON.stringify(settings)}`)
  }
  const isPrefixed = Object.keys(settings).some((key) => key.startsWith('CELERY_'))
  return { settings, namespace: isPrefixed ? 'CELERY' : undefined }
}

async function readJson(file: string): Promise<unknown> {
  const text = await fs.readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ImproperlyConfigured(`--config: cannot read ${file}: ${(cause as Error).message}`, { cause })
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ImproperlyConfigured(`--config: ${file} is not valid JSON: ${(cause as Error).message}`, { cause })
  }
}

async function readModule(file: string): Promise<unknown> {
  if (!/\.[mc]?[jt]s$/.test(file)) {
    throw new ImproperlyConfigured(`--config: ${file} must be a .json file or a module (.ts, .mts, .js, .mjs)`)
  }
  const exported = await importModule(file)
  return 'default' in exported ? exported['default'] : { ...exported }
}
