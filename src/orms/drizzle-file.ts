import type { DrizzleHandle } from './drizzle-types.ts'
import { fileFromPath } from './sqlite-file.ts'

/** What drivers tell of their file; libsql tells nothing. */
interface Client {
  /** node:sqlite. */
  readonly location?: unknown
  /** better-sqlite3. */
  readonly name?: unknown
  /** bun:sqlite. */
  readonly filename?: unknown
}

/** The SQLite file of a database, if its driver tells. */
export function fileOf({ $client }: DrizzleHandle): string | undefined {
  if (typeof $client !== 'object' || $client === null) return undefined
  const { location, name, filename } = $client as Client
  return fileFromPath(typeof location === 'function' ? location.call($client) : (name ?? filename))
}
