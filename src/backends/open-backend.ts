import { isRedisScheme } from '../drivers/redis-url.ts'
import { ImproperlyConfigured } from '../errors.ts'
import type { BackendOptions, ResultBackend } from './backend.ts'

const known = 'redis://<host>:<port>/<db>, memory:, memory:<name>, sqlite:<path> and disabled:'
const planned = ['rpc', 'db', 'postgres', 'postgresql', 'mysql']

/**
 * Opens the result backend of a URL: `redis://` and its kin, `memory:`, `memory:<name>`, `sqlite:<path>` or `disabled:`.
 * Throws ImproperlyConfigured for other schemes, OperationalError for a file or server that cannot be used.
 */
export async function openBackend(url: string, options: BackendOptions): Promise<ResultBackend> {
  const scheme = schemeOf(url)
  if (isRedisScheme(scheme)) return await (await import('./redis.ts')).openRedisBackend(url, options)
  switch (scheme) {
    case 'memory':
      return (await import('./memory.ts')).openMemoryBackend(url, options)
    case 'sqlite':
      return await (await import('./sqlite.ts')).openSqliteBackend(url, options)
    case 'disabled':
      return (await import('./disabled.ts')).openDisabledBackend()
    default:
      throw new ImproperlyConfigured(
        planned.includes(scheme.split('+')[0] ?? scheme)
          ? `Result backends of scheme '${scheme}' are not there yet; use one of ${known}.`
          : `result_backend must be one of ${known}; got scheme '${scheme}'.`,
      )
  }
}

/** What is set for Redis alone is for this backend. */
export function isRedisBackend(url: string): boolean {
  return isRedisScheme(schemeOf(url))
}

function schemeOf(url: string): string {
  return /^([a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase() ?? url
}
