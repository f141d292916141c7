import { pathToFileURL } from 'node:url'
import { ImproperlyConfigured } from '../errors.ts'

/**
 * Imports one of the user's modules. Throws ImproperlyConfigured that names the file, says what was wrong in it, keeps
 * the cause, and advises where Node alone cannot run the file.
 */
export async function importModule(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new ImproperlyConfigured(`Cannot import ${file}: ${describe(cause)}${advice(file, cause)}`, { cause })
  }
}

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
  if (!/\.[mc]?ts$/.test(file) || !needsLoader(cause)) return ''
  return (
    '\nNode runs TypeScript by removing the types, so decorators, enums, namespaces and parameter properties need a ' +
    'loader of yours, for example: npm i -D tsx && NODE_OPTIONS="--import tsx" celeriac …'
  )
}

function needsLoader(cause: unknown): boolean {
  if (!(cause instanceof SyntaxError)) return false
  // What V8 says of the @ of a decorator; it does not say where.
  return (
    cause.message === 'Invalid or unexpected token' ||
    ('code' in cause && cause.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
  )
}
