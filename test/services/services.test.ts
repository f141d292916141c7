import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { until } from '../support/until.ts'
import { service, skipIfMissing, type Service } from './service.ts'

const { NODE_TEST_CONTEXT: _, CELERIAC_TEST_SERVICES: _folder, ...env } = process.env
const here = (file: string): string => path.join(import.meta.dirname, file)

async function accepts({ host, port }: Service): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, host)
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  const isOpen = await promise
  socket.destroy()
  return isOpen
}

describe('the servers for tests', () => {
  it('end with the process that had them started, also when it is killed', async (test) => {
    const reason = skipIfMissing(await service('redis'))
    if (reason) return test.skip(reason)
    const user = spawn(process.execPath, [here('redis-user.ts')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(user.stdout, 'data')) as [Buffer]
    const redis = JSON.parse(line.toString()) as Service
    assert.ok(await accepts(redis))
    user.kill('SIGKILL')
    await until('the server is gone', async () => !(await accepts(redis)))
  })

  it('are one for all who ask', async () => {
    assert.deepEqual(await service('redis'), await service('redis'))
  })

  it('are not started where the environment has a URL', async () => {
    const url = 'redis://ada:p%40ss@127.0.0.1:7/3'
    const withUrl = { ...env, CELERIAC_TEST_REDIS_URL: url }
    const user = spawn(process.execPath, [here('redis-user.ts')], {
      env: withUrl,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(user.stdout, 'data')) as [Buffer]
    user.kill('SIGKILL')
    assert.deepEqual(JSON.parse(line.toString()), {
      name: 'redis',
      url,
      host: '127.0.0.1',
      port: 7,
      user: 'ada',
      password: 'p@ss',
    })
  })

  it('that are missing are named at the end of the run, and fail it under CI', async () => {
    const args = ['--test', `--test-global-setup=${here('../services.ts')}`, here('missing-user.ts')]
    for (const [CI, code] of [
      ['true', 1],
      ['', 0],
    ] as const) {
      const run = spawn(process.execPath, args, { env: { ...env, CI }, stdio: ['ignore', 'ignore', 'pipe'] })
      const [errors] = await Promise.all([text(run.stderr), once(run, 'exit')])
      assert.match(errors, /SKIPPED, no tests with frobnicator: nobody has invented it/)
      assert.equal(run.exitCode, code)
    }
  })
})
