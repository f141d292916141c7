import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { redis } from './redis.ts'
import type { ServerKind } from './server-kind.ts'

/** A Sentinel keeps what it knows in its configuration file, so it has one; the settings are its lines. */
export const redisSentinel: ServerKind = {
  ...redis,
  variable: 'CELERIAC_TEST_SENTINEL_URL',
  ready: /Sentinel ID is/,
  url: (port) => `sentinel://127.0.0.1:${port}/0`,
  setUp: async ({ folder, port, settings }) => {
    const lines = Object.entries({ bind: '127.0.0.1', port: String(port), ...settings })
    const file = path.join(folder, 'sentinel.conf')
    await writeFile(file, lines.map(([name, value]) => `${name} ${value}\n`).join(''))
    await chmod(file, 0o666)
    return []
  },
  start: ({ folder, program }) => ({ program, args: [path.join(folder, 'sentinel.conf'), '--sentinel'] }),
}
