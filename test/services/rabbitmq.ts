import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from './free-port.ts'
import type { ServerKind } from './server-kind.ts'

export const rabbitmq: ServerKind = {
  variable: 'CELERIAC_TEST_AMQP_URL',
  program: 'rabbitmq-server',
  /** Before PATH: Debian's own `rabbitmq-server` insists on the user rabbitmq. */
  folders: ['/usr/lib/rabbitmq/bin', '/opt/homebrew/sbin'],
  debianPackage: 'rabbitmq-server',
  ready: /completed with \d+ plugins/,
  stopSignal: 'SIGKILL',
  url: (port) => `amqp://guest:guest@127.0.0.1:${port}/%2F`,
  /** Erlang would start a port mapper of its own that nobody stops. */
  companion: async ({ folder }) => {
    const port = await freePort()
    const ports = [`export ERL_EPMD_PORT=${port}`, `export RABBITMQ_DIST_PORT=${await freePort()}`]
    await writeFile(path.join(folder, 'ports'), ports.join('\n'))
    await writeFile(path.join(folder, 'rabbitmq.conf'), 'loopback_users = none\nlog.console.level = warning\n')
    await writeFile(path.join(folder, 'enabled_plugins'), '[].\n')
    return { program: 'epmd', args: ['-port', String(port), '-address', '127.0.0.1'], port }
  },
  start: ({ folder, port, program }) => ({
    program: '/bin/sh',
    args: ['-c', `. '${folder}/ports'; exec '${program}'`],
    env: {
      HOME: folder,
      RABBITMQ_NODENAME: `celeriac${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_MNESIA_BASE: path.join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_LOGS: '-',
      RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'enabled_plugins'),
      RABBITMQ_PID_FILE: path.join(folder, 'pid'),
    },
  }),
}
