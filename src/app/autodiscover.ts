import fs from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { importModule } from './import-module.ts'
import { ImproperlyConfigured } from '../errors.ts'
import { nearest } from '../util/nearest.ts'

/** In the order of preference where a folder has several: a source before what was compiled from it beside it. */
const extensions = ['.ts', '.mts', '.js', '.mjs'] as const

export interface DiscoverOptions {
  /** The name of the task files without extension. Default `'tasks'`. */
  readonly related?: string
}

/**
 * The task files of the folders that `patterns` name: `tasks.ts`, `.mts`, `.js` or `.mjs` in each folder or each folder
 * that a glob matches; one file a folder, TypeScript first. A pattern that ends in an extension names files themselves.
 * A folder without a task file is fine; a pattern that matches nothing is an error. `node_modules` is left out.
 */
export async function discoverTaskFiles(
  patterns: readonly string[],
  baseDir: string,
  { related = 'tasks' }: DiscoverOptions = {},
): Promise<string[]> {
  const found = new Set<string>()
  for (const pattern of patterns) {
    const matches = await expand(pattern, baseDir)
    if (matches.length === 0) throw new ImproperlyConfigured(await nothingFound('autodiscoverTasks', pattern, baseDir))
    const files = await Promise.all(matches.map((match) => taskFileOf(match, pattern, related)))
    for (const file of files) if (file !== undefined) found.add(file)
  }
  return [...found]
}

/** The files that modules such as those of the settings `imports` and `include` come to. */
export async function resolveImports(specifiers: readonly string[], baseDir: string): Promise<string[]> {
  const found = new Set<string>()
  for (const specifier of specifiers) {
    const files = (await expand(specifier, baseDir)).filter((match) => isCode(match))
    if (files.length === 0) files.push(await resolvePackage(specifier, baseDir))
    for (const file of files) found.add(file)
  }
  return [...found]
}

/**
 * Imports modules in order: files, globs or packages, seen from `baseDir`. One that fails throws ImproperlyConfigured
 * with the file's name and the cause.
 */
export async function importTaskModules(specifiers: readonly string[], baseDir: string): Promise<void> {
  for (const file of await resolveImports(specifiers, baseDir)) await importModule(file)
}

async function expand(pattern: string, baseDir: string): Promise<string[]> {
  const literal = path.resolve(baseDir, pattern)
  // A folder may be called [id] or {a}: what exists as it is written is no glob.
  if (await exists(literal)) return [literal]
  if (!/[*?[{]/.test(pattern)) return []
  const matches = []
  for await (const match of fs.glob(pattern, { cwd: baseDir, exclude: isInNodeModules })) {
    if (!isInNodeModules(match)) matches.push(path.resolve(baseDir, match))
  }
  return matches.toSorted()
}

function isInNodeModules(match: string): boolean {
  return match.split(path.sep).includes('node_modules')
}

async function taskFileOf(match: string, pattern: string, related: string): Promise<string | undefined> {
  const isFolder = (await fs.stat(match)).isDirectory()
  if (!isFolder) return namesFiles(pattern) && isCode(match) ? match : undefined
  for (const extension of extensions) {
    const file = path.join(match, `${related}${extension}`)
    if (await exists(file)) return file
  }
  return undefined
}

/** `apps/*` means folders, although it matches files too; `apps/*.tasks.ts` and `apps/*.{ts,js}` mean files. */
function namesFiles(pattern: string): boolean {
  return /\.([mc]?[jt]s|\{[^}]*\})$/.test(pattern)
}

function isCode(file: string): boolean {
  return /\.[mc]?[jt]s$/.test(file) && !/\.d\.[mc]?ts$/.test(file)
}

async function resolvePackage(specifier: string, baseDir: string): Promise<string> {
  const isPath = /^[./]/.test(specifier) || path.isAbsolute(specifier)
  try {
    if (!isPath) return createRequire(path.join(baseDir, 'noop.js')).resolve(specifier)
  } catch (cause) {
    throw new ImproperlyConfigured(await nothingFound('imports', specifier, baseDir), { cause })
  }
  throw new ImproperlyConfigured(await nothingFound('imports', specifier, baseDir))
}

async function nothingFound(setting: string, pattern: string, baseDir: string): Promise<string> {
  const near = await nearestSibling(path.resolve(baseDir, pattern))
  const hint = near === undefined ? '' : `; did you mean ${path.join(path.dirname(pattern), near)}?`
  const kinds = setting === 'imports' ? 'file, glob or package' : 'folder, file or glob'
  return `${setting}: nothing matches '${pattern}' in ${baseDir}; expected a ${kinds}${hint}`
}

async function nearestSibling(missing: string): Promise<string | undefined> {
  const folder = path.dirname(missing)
  return (await exists(folder)) ? nearest(path.basename(missing), await fs.readdir(folder)) : undefined
}

async function exists(file: string): Promise<boolean> {
  try {
    await fs.stat(file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return false
    throw error
  }
}
