import type { ServerKind } from './server-kind.ts'

export const redis: ServerKind = {
  variable: 'CELERIAC_TEST_REDIS_URL',
  program: 'redis-server',
  folders: ['/usr/bin', '/opt/homebrew/bin'],
  debianPackage: 'redis-server',
  ready: /Ready to accept connections/,
  stopSignal: 'SIGKILL',
  url: (port) => `redis://127.0.0.1:${port}/0`,
  start: ({ folder, port, program }) => ({
    program,
    args: ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'yes'].concat([
      '--appendfsync',
      'no',
    ]),
  }),
}
