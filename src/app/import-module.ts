import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ImproperlyConfigured } from '../errors.ts'

/**
 * Imports one of the user's modules. Throws ImproperlyConfigured that names the file, says what was wrong in it, keeps
 * the cause, and advises where Node alone cannot run the file.
 */
export async function importModule(file: string): Promise<Module> {
  const imported = import(pathToFileURL(file).href) as Promise<Module>
  try {
    return await orNever(imported, file)
  } catch (cause) {
    if (cause instanceof NeverLoaded) throw new ImproperlyConfigured(cause.message)
    throw new ImproperlyConfigured(`Cannot import ${file}: ${describe(cause)}${advice(file, cause)}`, { cause })
  }
}

type Module = Readonly<Record<string, unknown>>

class NeverLoaded extends Error {}

/** As `imported`; rejects once nothing is left that could end its `await`, where Node would leave without a word. */
async function orNever(imported: Promise<Module>, file: string): Promise<Module> {
  const { promise: never, reject } = Promise.withResolvers<Module>()
  const waits = `a top-level await in it, or in what it imports, ${waitsAdvice}`
  const onEnd = (): void => reject(new NeverLoaded(`Cannot import ${file}: ${waits}`))
  const slow = setTimeout(() => process.emitWarning(`celeriac still waits for ${file}: ${waits}`), slowMs)
  slow.unref()
  process.once('beforeExit', onEnd)
  try {
    return await Promise.race([imported, never])
  } finally {
    process.off('beforeExit', onEnd)
    clearTimeout(slow)
  }
}

const slowMs = 10_000
const waitsAdvice =
  'has not ended. Modules that await the import of each other wait for ever: let the module of the app import none of its ' +
  'tasks, and find them with autodiscoverTasks, the setting imports, or --include'

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return `it threw ${String(cause)}`
  // The first stack line of a syntax error is the place, which the message lacks and which may be another file.
  const place = cause instanceof SyntaxError ? /^(?:file:\/\/)?(\/.*:\d+)$/m.exec(cause.stack ?? '')?.[1] : undefined
  return place === undefined ? `${cause.name}: ${cause.message}` : `${cause.name}: ${cause.message} at ${place}`
}

function advice(file: string, cause: unknown): string {
  if (cause instanceof ReferenceError && cause.message.endsWith('before initialization')) {
    return (
      '\nIf that name is imported, the modules import each other in a circle: let the module of the app import none of ' +
      'its tasks, and find them with autodiscoverTasks, the setting imports, or --include'
    )
  }
  if (!/\.[mc]?ts$/.test(file)) return ''
  if (!needsLoader(cause)) return nameAdvice(cause)
  return (
    '\nNode runs TypeScript by removing the types, so decorators, enums, namespaces and parameter properties need a ' +
    'loader of yours, for example: npm i -D tsx && NODE_OPTIONS="--import tsx" celeriac …'
  )
}

/** What TypeScript lets people write and Node does not resolve: names without extension, `.js` for `.ts`, types. */
function nameAdvice(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  const type = /does not provide an export named '([^']+)'/.exec(cause.message)?.[1]
  if (type !== undefined) return `\nIf ${type} is a type, import it with "import type" or "{ type ${type} }"`
  const { code, url } = cause as { readonly code?: unknown; readonly url?: unknown }
  if (code === 'ERR_UNSUPPORTED_DIR_IMPORT')
    return '\nNode takes the whole name of a file, also in a folder: import …/index.ts'
  if (code !== 'ERR_MODULE_NOT_FOUND' || typeof url !== 'string' || !url.startsWith('file:')) return ''
  const missing = fileURLToPath(url)
  const found = ['.ts', '.mts', '.js', '.mjs'].map((extension) => missing + extension).find((file) => existsSync(file))
  if (found !== undefined) return `\nNode takes the whole name of a file: import ${found}`
  const source = missing.replace(/\.([mc]?)js$/, '.$1ts')
  return source !== missing && existsSync(source)
    ? `\nThere is ${source}: Node runs it by that name, or run what your compiler made of it`
    : ''
}

function needsLoader(cause: unknown): boolean {
  if (!(cause instanceof SyntaxError)) return false
  // What V8 says of the @ of a decorator; it does not say where.
  return (
    cause.message === 'Invalid or unexpected token' ||
    ('code' in cause && cause.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
  )
}
