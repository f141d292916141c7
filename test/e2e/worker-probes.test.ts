import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Celeriac, OperationalError, Worker, ImproperlyConfigured } from '../../src/index.ts'
import { openHealthServer } from '../../src/worker/health-server.ts'
import { Readiness } from '../../src/worker/readiness.ts'
import { gate, recordingLogger, until } from '../support/worker-harness.ts'

const silent = recordingLogger([])

describe('probes of a worker', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-probes-'))
  })
  after(() => rm(folder, { recursive: true }))

  const newApp = (): Celeriac => new Celeriac('probes', { broker: 'memory:', backend: 'memory:', logger: silent })

  it('are answered over HTTP: ready while it takes tasks, not ready while it stops, alive all the time', async () => {
    await using spare = await openHealthServer('127.0.0.1:0', () => assert.fail('not asked'))
    const address = `127.0.0.1:${spare.port}`
    await spare[Symbol.asyncDispose]()
    const app = newApp()
    const [started, go] = [gate(), gate()]
    const slow = app.task('demo.slow', async () => {
      started.open()
      await go.opened
    })
    const worker = new Worker(app, { healthPort: address })
    const running = worker.run()
    await worker.ready
    const ask = async (where: string): Promise<[number, Record<string, unknown>]> => {
      const response = await fetch(`http://${address}${where}`)
      return [response.status, (await response.json()) as Record<string, unknown>]
    }
    const [status, health] = await ask('/ready')
    assert.equal(status, 200)
    assert.equal(health['isReady'], true)
    assert.ok(Date.now() - Date.parse(String(health['lastClaim'])) < 10_000)
    await slow.delay()
    await started.opened
    worker.stop('warm')
    await until('it is not ready', async () => (await ask('/ready'))[0] === 503)
    assert.deepEqual(await ask('/live'), [200, { isLive: true }])
    go.open()
    await running
    await assert.rejects(fetch(`http://${address}/live`))
    await app.close()
  })

  it('find a file that is fresh while it is ready, and none afterwards', async () => {
    const file = path.join(folder, 'ready')
    const app = newApp()
    const worker = new Worker(app, { healthFile: file })
    const running = worker.run()
    await worker.ready
    await until('the file says so', async () =>
      (await readFile(file, 'utf8').catch(() => '')).includes('"isReady":true'),
    )
    assert.ok(Date.now() - (await stat(file)).mtimeMs < 10_000)
    worker.stop()
    await running
    await assert.rejects(stat(file), { code: 'ENOENT' })
    await app.close()
  })

  it('keep a worker from starting that cannot have its port or file, and say which', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { readonly port: number }
    const app = newApp()
    const refused = async (options: object): Promise<Error> => {
      const worker = new Worker(app, options)
      const error = await worker.run().catch((reason: unknown) => reason as Error)
      assert.ok(error instanceof Error)
      await assert.rejects(worker.ready, error)
      return error
    }
    const inUse = await refused({ healthPort: `127.0.0.1:${port}` })
    assert.ok(inUse instanceof OperationalError)
    assert.match(inUse.message, new RegExp(`health port 127\\.0\\.0\\.1:${port} .*EADDRINUSE`))
    assert.ok((await refused({ healthPort: 'localhost' })) instanceof ImproperlyConfigured)
    assert.match((await refused({ healthFile: path.join(folder, 'no/such/folder') })).message, /health file .*ENOENT/)
    taken.close()
    await app.close()
  })

  it('see a broker that has not answered for longer than the tolerance, though it reported no outage', () => {
    let nowMs = 100_000
    const readiness = new Readiness(silent, 30_000, () => nowMs)
    let claimedAtMs = nowMs
    readiness.take(() => claimedAtMs)
    nowMs += 29_000
    assert.equal(readiness.health.isReady, true)
    nowMs += 2000
    assert.deepEqual(
      [readiness.health.isReady, readiness.health.reason],
      [false, 'the broker has not answered for 31s'],
    )
    claimedAtMs = nowMs
    assert.equal(readiness.health.isReady, true)
  })
})
