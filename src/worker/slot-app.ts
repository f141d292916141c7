import type { Celeriac } from '../app/app.ts'
import { importTaskModules } from '../app/autodiscover.ts'
import { exportsByName, isApp } from '../app/exported-app.ts'
import { importModule } from '../app/import-module.ts'
import { currentApp } from '../app/shared-task.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { SlotSetup } from './slot-setup.ts'

/**
 * The worker's app, made once more in a slot: the same module, the same settings, the same tasks. Throws
 * ImproperlyConfigured that says what is missing.
 */
export async function loadSlotApp(setup: SlotSetup): Promise<Celeriac> {
  const app = findApp(await importModule(setup.file), setup)
  app.adoptConfig(setup.config)
  await app.loadTasks()
  await importTaskModules(setup.include, process.cwd())
  await importMissing(app, setup)
  return app
}

function findApp(exported: Readonly<Record<string, unknown>>, { file, appName }: SlotSetup): Celeriac {
  for (const value of exportsByName(exported).values()) if (isApp(value) && value.name === appName) return value
  // Made by the module, but not exported.
  const made = lastApp()
  if (made?.name === appName) return made
  throw new ImproperlyConfigured(
    `${file} makes no app named ${appName} when it is imported by itself, as threads and processes do. ` +
      'Make the app at the top of a module, and name that: new Worker(app, { appModule })',
  )
}

function lastApp(): Celeriac | undefined {
  try {
    return currentApp()
  } catch {
    return undefined
  }
}

/** The program that runs the worker may have imported more modules of tasks than the app does. */
async function importMissing(app: Celeriac, { tasks, file: appFile }: SlotSetup): Promise<void> {
  for (const { name, file } of tasks) if (!app.tasks.get(name) && file !== undefined) await importModule(file)
  const missing = tasks.filter(({ name }) => !app.tasks.get(name))
  if (missing.length === 0) return
  const list = missing.map(({ name, file }) => (file === undefined ? name : `${name} (${file})`)).join(', ')
  throw new ImproperlyConfigured(
    `these tasks are not defined when ${appFile} and their own modules are imported, as threads and processes do: ${list}. ` +
      'Define them at the top of a module, and list it in include',
  )
}
