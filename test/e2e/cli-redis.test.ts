import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { drain, text, to } from '../contracts/broker-contract-tools.ts'
import { until } from '../contracts/contract.ts'
import { service } from '../services.ts'

const entry = path.resolve(import.meta.dirname, '../../bin/celeriac.mjs')
const execute = promisify(execFile)

const redis = await service('redis')
if ('url' in redis) describeCommands(redis.url)

function describeCommands(server: string): void {
  describe('celeriac on Redis', () => {
    const url = `${server}?global_keyprefix=${encodeURIComponent(`cli-${process.pid}:`)}`
    let folder: string
    let broker: Broker

    /** Without an app: only the broker is named. */
    async function celeriac(...args: readonly string[]): Promise<string> {
      const { stdout } = await execute(process.execPath, [entry, '-b', url, ...args], { cwd: folder })
      return stdout
    }

    before(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-cli-'))
      broker = await openBroker(url)
    })

    after(async () => {
      await broker[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    })

    it('shows queues, dead letters with the reason, sends them back, and purges', async () => {
      await broker.publish([
        ...to('celery', 'a'),
        { queue: 'celery', message: text('b', { headers: { task: 'demo.b', id: 'b1' } }) },
      ])
      const refuse = await broker.subscribe(
        ['celery'],
        (deliveries) => {
          for (const delivery of deliveries) void delivery.reject({ requeue: false, reason: 'not today' })
        },
        { prefetch: 1 },
      )
      await until(
        async () => (await broker.count('celery.dead')) === 2,
        () => 'the dead letters',
      )
      await refuse[Symbol.asyncDispose]()
      await broker.publish(to('mail', 'm'))
      assert.match(await celeriac('queues'), /celery +0 +2\s+mail +1 +0/)
      assert.match(await celeriac('dead', 'list'), /b1 +demo\.b .* not today/)
      assert.match(await celeriac('dead', 'redrive', 'celery', 'b1'), /1 sent back/)
      const [delivery] = await drain(broker, 'celery', 1)
      assert.equal(delivery?.message.headers['id'], 'b1')
      assert.match(await celeriac('purge', '-f', '-Q', 'mail'), /mail +1/)
      assert.deepEqual(
        await Promise.all(['celery', 'celery.dead', 'mail'].map((queue) => broker.count(queue))),
        [0, 1, 0],
      )
    })
  })
}
