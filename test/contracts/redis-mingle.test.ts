import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Celeriac, Worker } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const server = await privateServer('redis')

async function startWorker(url: string, name: string): Promise<AsyncDisposable & { readonly app: Celeriac }> {
  const app = new Celeriac('neighbours', { broker: url, backend: 'memory:', logger: createLogger({ level: 'silent' }) })
  const worker = new Worker(app, { name, queues: [name] })
  const stopped = worker.run()
  await Promise.race([worker.ready, stopped])
  const stop = async (): Promise<void> => {
    worker.stop('cold')
    await stopped
    await app.close()
  }
  return { app, [Symbol.asyncDispose]: stop }
}

describe('a worker that was cut off', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer
  after(() => redis.stop())

  it('asks the others again what was revoked meanwhile', async () => {
    await using proxy = await TcpProxy.open(redis)
    await using _ = await startWorker(proxy.through(redis.url), 'cut@here')
    await using other = await startWorker(redis.url, 'other@here')
    const { control } = other.app
    await proxy.refuse()
    await control.revoke('missed', { destination: 'other@here', reply: true, timeout: 20 })
    await proxy.accept()
    const inspect = control.inspect({ destination: 'cut@here', timeout: '200ms' })
    await until('it knows', async () => (await inspect.revoked()).get('cut@here')?.includes('missed') ?? false)
    assert.deepEqual((await inspect.revoked()).get('cut@here'), ['missed'])
  })
})
