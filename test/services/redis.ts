import type { ServerKind, ServerSettings } from './server-kind.ts'

/** A folder and a log on disk that survive a kill: what was acknowledged is there at the next start. */
export function redisArguments(folder: string, settings: ServerSettings): string[] {
  const all: ServerSettings = {
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'no',
    'repl-diskless-sync-delay': '0',
    ...settings,
  }
  const given = Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')])
  return [...given, '--save', '']
}

export const redis: ServerKind = {
  variable: 'CELERIAC_TEST_REDIS_URL',
  program: 'redis-server',
  folders: ['/usr/bin', '/opt/homebrew/bin'],
  debianPackage: 'redis-server',
  ready: /Ready to accept connections/,
  stopSignal: 'SIGKILL',
  url: (port) => `redis://127.0.0.1:${port}/0`,
  start: ({ folder, port, program, settings }) => ({
    program,
    args: ['--port', String(port), ...redisArguments(folder, settings)],
  }),
}
