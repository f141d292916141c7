import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ServerKind } from './server-kind.ts'

export const mariadb: ServerKind = {
  variable: 'CELERIAC_TEST_MYSQL_URL',
  program: 'mariadbd',
  folders: ['/usr/sbin', '/opt/homebrew/bin'],
  debianPackage: 'mariadb-server',
  ready: /ready for connections/,
  stopSignal: 'SIGKILL',
  url: (port) => `mysql://celeriac@127.0.0.1:${port}/mysql`,
  setUp: async ({ folder }) => {
    const grants = ["CREATE USER IF NOT EXISTS celeriac@'%'", "GRANT ALL ON *.* TO celeriac@'%' WITH GRANT OPTION"]
    await writeFile(path.join(folder, 'init.sql'), `${grants.join(';\n')};\n`)
    const install = [
      '--no-defaults',
      `--datadir=${folder}/data`,
      '--skip-test-db',
      '--auth-root-authentication-method=normal',
    ]
    return [{ program: 'mariadb-install-db', args: install }]
  },
  start: ({ folder, port, program }) => ({
    program,
    args: [
      '--no-defaults',
      `--datadir=${folder}/data`,
      // At its start a server deletes what look like leftovers in its temporary folder: no two may share one.
      `--tmpdir=${folder}`,
      `--socket=${folder}/socket`,
      `--pid-file=${folder}/pid`,
      `--init-file=${folder}/init.sql`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--max-connections=200',
      '--innodb-flush-log-at-trx-commit=2',
      '--innodb-buffer-pool-size=64M',
      '--character-set-server=utf8mb4',
    ],
  }),
}
