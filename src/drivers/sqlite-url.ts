import { ImproperlyConfigured } from '../errors.ts'

/**
 * The file that a `sqlite:` URL names, as written: `sqlite:./a.db` and `sqlite://a.db` are relative to the working
 * directory, `sqlite:/var/a.db` and `sqlite:///var/a.db` absolute. Percent signs are decoded. A database in memory,
 * no path, or a query string throw ImproperlyConfigured.
 */
export function parseSqliteUrl(url: string): string {
  const match = /^sqlite:(?:\/\/)?([^?#]*)([?#].*)?$/is.exec(url)
  if (!match) throw new ImproperlyConfigured(`Expected a URL like sqlite:./celeriac.db, got '${url}'`)
  const [, written = '', extra] = match
  if (extra) {
    throw new ImproperlyConfigured(
      `'${url}' ends in '${extra}': options of SQLite belong into broker_transport_options; write '?' in a file name as %3F`,
    )
  }
  const path = decode(written, url)
  if (path.includes('\0')) throw new ImproperlyConfigured(`'${url}' names a file with a zero character`)
  if (path === ':memory:' || path === '/:memory:') {
    throw new ImproperlyConfigured(`'${url}' would be seen by one connection only: use memory: for this process alone`)
  }
  if (path === '' || path.endsWith('/')) {
    throw new ImproperlyConfigured(`'${url}' names no file: expected a URL like sqlite:./celeriac.db`)
  }
  return path
}

function decode(written: string, url: string): string {
  try {
    return decodeURIComponent(written)
  } catch (error) {
    throw new ImproperlyConfigured(`'${url}' has a '%' that starts no character: write '%' as %25`, { cause: error })
  }
}
