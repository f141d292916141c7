import os from 'node:os'

/** `celery@<host>`, or the given name with `%h` (host name), `%n` (name part) and `%d` (domain) filled in. */
export function nodeName(given: string | undefined, host: string = os.hostname()): string {
  const [short = host, ...domain] = host.split('.')
  const name = given ?? 'celery@%h'
  const full = name.includes('@') ? name : `${name}@%h`
  const namePart = full.split('@')[0] ?? 'celery'
  const values: Record<string, string> = { h: host, n: short, d: domain.join('.'), '%': '%' }
  return full.replace(/%([hnd%])/g, (_, key: string) =>
    key === 'n' && !full.startsWith('%n') ? namePart : (values[key] ?? ''),
  )
}
