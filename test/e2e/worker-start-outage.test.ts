import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Celeriac, ImproperlyConfigured, OperationalError, Worker } from '../../src/index.ts'
import { service, skipIfMissing } from '../services.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { recordingLogger, type LogLine } from '../support/worker-harness.ts'

const redis = await service('redis')

describe('a worker whose Redis is not there yet', { skip: skipIfMissing(redis) }, () => {
  it('says so, waits, and runs tasks once it is', async () => {
    await using site = await openSite()
    const done = Promise.withResolvers<number>()
    const task = site.app.task('outage.note', (n: number) => done.resolve(n))
    const worker = new Worker(site.app)
    const stopped = worker.run()
    await until('it is to be tried again', () => site.said(/trying again in/).length >= 2)
    assert.match(site.said(/trying again in/)[0] ?? '', /127\.0\.0\.1.*cannot be reached.*trying again in [\d.]+ s/)
    assert.equal(worker.health.isReady, false)
    await site.proxy.accept()
    await worker.ready
    await task.delay(7)
    assert.equal(await done.promise, 7)
    worker.stop()
    await stopped
  })

  it('begins again where its connection is lost while it starts', async () => {
    await using site = await openSite()
    await site.proxy.accept()
    site.proxy.loseReplyTo('celeriac.retained.control')
    const worker = new Worker(site.app)
    const stopped = worker.run()
    await Promise.race([worker.ready, stopped])
    assert.equal(site.proxy.isLosing, false)
    assert.match(site.said(/trying again in/)[0] ?? '', /connection was lost/)
    const done = await site.app.task('outage.add', (x: number) => x + 1).delay(1)
    assert.equal(await done.get({ timeout: '10s' }), 2)
    worker.stop()
    await stopped
  })

  it('can be stopped while it waits', async () => {
    await using site = await openSite()
    const worker = new Worker(site.app)
    const stopped = worker.run()
    await until('it is to be tried again', () => site.said(/trying again in/).length > 0)
    worker.stop()
    await stopped
  })

  it('does not wait where the settings say so', async () => {
    await using site = await openSite({ broker_connection_retry_on_startup: false })
    await assert.rejects(new Worker(site.app).run(), OperationalError)
    assert.deepEqual(site.said(/trying again/), [])
  })

  it('gives up after broker_connection_max_retries', async () => {
    await using site = await openSite({ broker_connection_max_retries: 1 })
    await assert.rejects(new Worker(site.app).run(), OperationalError)
    assert.equal(site.said(/trying again/).length, 1)
  })

  it('does not wait for a server that refuses it, nor for a file that cannot be opened', async () => {
    const url = 'url' in redis ? redis.url : ''
    const inFile = `sqlite:${import.meta.filename}/queue.db`
    for (const broker of [url.replace('//', '//nobody:wrong@'), inFile, 'nothing:']) {
      await using app = new Celeriac('outage', { broker, backend: 'disabled://', logger: recordingLogger([]) })
      await assert.rejects(
        new Worker(app).run(),
        (error) => error instanceof OperationalError || error instanceof ImproperlyConfigured,
      )
    }
  })
})

/** A Redis that cannot be reached until its proxy accepts. */
async function openSite(settings: Readonly<Record<string, unknown>> = {}) {
  const lines: LogLine[] = []
  const target = new URL('url' in redis ? redis.url : '')
  const proxy = await TcpProxy.open({ host: target.hostname, port: Number(target.port) })
  await proxy.refuse()
  const url = `${proxy.through(target.href)}?global_keyprefix=outage-${process.pid}-${sites++}:&socket_connect_timeout=0.2`
  const app = new Celeriac('outage', { broker: url, backend: url, logger: recordingLogger(lines), settings })
  return {
    app,
    proxy,
    said: (pattern: RegExp): string[] => lines.map(textOf).filter((text) => pattern.test(text)),
    async [Symbol.asyncDispose](): Promise<void> {
      await app.close()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

let sites = 0

function textOf({ fields, message }: LogLine): string {
  return message.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(fields[name]))
}
