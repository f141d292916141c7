import fs from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Celeriac } from '../app/app.ts'
import { exportsByName, isApp } from '../app/exported-app.ts'
import { importModule } from '../app/import-module.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { nearest } from '../util/nearest.ts'

export interface LoadedApp {
  readonly app: Celeriac
  readonly file: string
}

const extensions = ['', '.ts', '.mts', '.js', '.mjs', '.cts', '.cjs'] as const
/** What `-A` of a folder means, as Celery looks for `proj.celery`. */
const folderNames = ['app', 'celery', 'index', 'src/app', 'src/celery', 'src/index'] as const
const preferredExports = ['default', 'app', 'celery'] as const

/**
 * The app that `specifier` names: a path from `cwd` (extension optional; of a folder its `app.ts`, `celery.ts`, …) or a
 * package, and where it exports several apps `:exportName`. Throws ImproperlyConfigured that says what is there instead.
 */
export async function loadApp(specifier: string, cwd: string): Promise<LoadedApp> {
  const [, modulePart = specifier, exportName] = /^(.+?):([A-Za-z_$][\w$]*)$/.exec(specifier) ?? []
  const file = await findModule(
    modulePart,
    cwd,
    `-A ${modulePart}: there is no such file, folder with an app, or package`,
  )
  const exported = exportsByName(await importModule(file))
  const app = exportName === undefined ? findApp(exported, specifier, file) : namedApp(exported, exportName, file)
  return { app, file }
}

/** What a module exports under the name that `specifier` gives behind a colon; else its default export. */
export async function loadExport(
  specifier: string,
  cwd: string,
): Promise<{ readonly value: unknown; readonly file: string; readonly name: string }> {
  const [, modulePart = specifier, name = 'default'] = /^(.+?):([A-Za-z_$][\w$]*)$/.exec(specifier) ?? []
  const file = await findModule(modulePart, cwd, `${modulePart}: there is no such file or package`)
  return { value: exportsByName(await importModule(file)).get(name), file, name }
}

/** `problem`: what is wrong where there is none. */
async function findModule(modulePart: string, cwd: string, problem: string): Promise<string> {
  const target = path.resolve(cwd, modulePart)
  for (const extension of extensions) {
    if (await isFile(target + extension)) return target + extension
  }
  for (const name of folderNames) {
    for (const extension of extensions.slice(1)) {
      const file = path.join(target, name + extension)
      if (await isFile(file)) return file
    }
  }
  return findPackage(modulePart, cwd, target, problem)
}

async function findPackage(modulePart: string, cwd: string, target: string, problem: string): Promise<string> {
  let cause: unknown
  try {
    if (!/^[./]/.test(modulePart)) return createRequire(path.join(cwd, 'noop.js')).resolve(modulePart)
  } catch (error) {
    // That nothing was found is said already; where it was looked for tells people nothing.
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') cause = error
  }
  const message = `${problem}, seen from ${cwd}${await hint(target, cwd)}`
  throw new ImproperlyConfigured(message, cause === undefined ? {} : { cause })
}

async function hint(target: string, cwd: string): Promise<string> {
  const folder = path.dirname(target)
  const files = await listCode(folder)
  const near =
    nearest(path.basename(target), files) ?? files.find((file) => path.parse(file).name === path.basename(target))
  const say = (file: string): string => `./${path.relative(cwd, path.join(folder, file))}`
  if (near !== undefined) return `; did you mean ${say(near)}?`
  return files.length === 0 ? '' : `; there are ${files.slice(0, 5).map(say).join(', ')}`
}

async function listCode(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
  return entries.filter((name) => /\.[mc]?[jt]s$/.test(name) && !/\.d\.[mc]?ts$/.test(name))
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await fs.stat(file)).isFile()
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false
    throw error
  }
}

function findApp(exported: ReadonlyMap<string, unknown>, specifier: string, file: string): Celeriac {
  for (const name of preferredExports) {
    const value = exported.get(name)
    if (isApp(value)) return value
  }
  const apps = new Map([...exported].filter((entry): entry is [string, Celeriac] => isApp(entry[1])))
  const [app] = apps.values()
  if (!app) throw new ImproperlyConfigured(`${file} exports no app: ${exportsOf(exported)}${exampleExport}`)
  if (new Set(apps.values()).size === 1) return app
  const choices = [...apps.keys()].map((name) => `-A ${specifier}:${name}`).join(' or ')
  throw new ImproperlyConfigured(`${file} exports several apps: say which with ${choices}`)
}

function namedApp(exported: ReadonlyMap<string, unknown>, name: string, file: string): Celeriac {
  const value = exported.get(name)
  if (isApp(value)) return value
  const problem = exported.has(name) ? `its export ${name} is ${kindOf(value)}` : `it has no export ${name}`
  throw new ImproperlyConfigured(`${file}: expected an app, but ${problem}: ${exportsOf(exported)}${exampleExport}`)
}

const exampleExport = ". Let it export one: export const app = new Celeriac('name')"

function exportsOf(exported: ReadonlyMap<string, unknown>): string {
  if (exported.size === 0) return 'it exports nothing'
  return `it exports ${[...exported].map(([name, value]) => `${name} (${kindOf(value)})`).join(', ')}`
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (isApp(value)) return 'an app'
  if (typeof value === 'function')
    return /^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
