import path from 'node:path'
import { unescape } from 'node:querystring'
import type { SqlDialect } from './orm-adapter.ts'

export interface SqliteFileOptions {
  /** SQLite only: the path of the database file, or its `file:` URL. The outbox needs it. Default: what the ORM tells. */
  readonly file?: string
}

/** What an adapter says of its file: what the user said, else what the ORM told. */
export function fileFor(dialect: SqlDialect, { file }: SqliteFileOptions, told?: string): { readonly file?: string } {
  const found = file === undefined ? told : fileFromUrl(file)
  return dialect === 'sqlite' && found !== undefined ? { file: found } : {}
}

/** The file of a path or `file:` URL, for drivers that take both. `undefined`: in memory, temporary, or on a server. */
export function fileFromUrl(name: unknown): string | undefined {
  if (typeof name !== 'string' || !/^[a-z][a-z.+-]+:/i.test(name)) return fileFromPath(name)
  const [, location, query] = /^file:(?:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?/i.exec(name) ?? []
  if (location === undefined || new URLSearchParams(query).get('mode') === 'memory') return undefined
  return fileFromPath(unescape(location))
}

/** The file of a path, for drivers that take `file:` for a part of the name. */
export function fileFromPath(name: unknown): string | undefined {
  return typeof name === 'string' && name !== '' && name !== ':memory:' ? path.resolve(name) : undefined
}
