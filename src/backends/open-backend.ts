import { ImproperlyConfigured } from '../errors.ts'
import type { BackendOptions, ResultBackend } from './backend.ts'

const known = 'memory:, memory:<name>, sqlite:<path> and disabled:'
const planned = ['redis', 'rediss', 'rpc', 'db', 'postgres', 'postgresql', 'mysql']

/**
 * Opens the result backend of a URL: `memory:`, `memory:<name>`, `sqlite:<path>` or `disabled:`.
 * Throws ImproperlyConfigured for other schemes, OperationalError for a file that cannot be used.
 */
export async function openBackend(url: string, options: BackendOptions): Promise<ResultBackend> {
  const scheme = /^([a-z0-9+.-]+):/i.exec(url)?.[1]?.toLowerCase() ?? url
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
