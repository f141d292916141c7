import path from 'node:path'
import type { ServerKind } from './server-kind.ts'

const settings = {
  listen_addresses: '127.0.0.1',
  max_connections: '200',
  shared_buffers: '32MB',
  fsync: 'off',
  full_page_writes: 'off',
  log_min_messages: 'warning',
}

export const postgres: ServerKind = {
  variable: 'CELERIAC_TEST_POSTGRES_URL',
  program: 'postgres',
  folders: ['/usr/lib/postgresql/*/bin', '/opt/homebrew/opt/postgresql*/bin'],
  debianPackage: 'postgresql',
  ready: /ready to accept connections/,
  stopSignal: 'SIGQUIT',
  url: (port) => `postgres://celeriac@127.0.0.1:${port}/postgres`,
  setUp: async ({ folder, program }) => [
    {
      program: path.join(path.dirname(program), 'initdb'),
      args: ['-D', folder, '-U', 'celeriac', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    },
  ],
  start: ({ folder, port, program }) => ({
    program,
    args: ['-D', folder, '-p', String(port), '-k', folder].concat(
      Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ),
  }),
}
