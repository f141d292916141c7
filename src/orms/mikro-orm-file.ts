import type { OpenOrm } from './mikro-orm-types.ts'
import { fileFromPath, fileFromUrl } from './sqlite-file.ts'

/** The SQLite file of an ORM. A dialect or Kysely of the user's opens what it likes, whatever the name. */
export function fileOf({ config, driver }: OpenOrm): string | undefined {
  const options = config.get('driverOptions')
  if (typeof options === 'function' || isOwnDialect(options)) return undefined
  const name = (options as { readonly dbName?: unknown } | undefined)?.dbName ?? config.get('dbName')
  // better-sqlite3 knows no URLs
  return driver.getConnection('write').constructor.name === 'SqliteConnection' ? fileFromPath(name) : fileFromUrl(name)
}

function isOwnDialect(options: unknown): boolean {
  return typeof options === 'object' && options !== null && ('createDriver' in options || 'getExecutor' in options)
}
