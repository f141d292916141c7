import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { Inbox, to } from './broker-contract-tools.ts'
import { sleep, until } from './contract.ts'
import { RedisLab } from './redis-broker-lab.ts'

const server = await privateServer('redis')
const redis = server as PrivateServer
after(async () => {
  if ('stop' in server) await server.stop()
})

const hourMs = 3_600_000
const leaseSeconds = 1

/**
 * To the brokers the same as setting the server's clock: every time that is stored moves the other way. In one step, as
 * the clock does.
 */
async function setClock(lab: RedisLab, byMs: number): Promise<void> {
  const script = `
for _, key in ipairs({'celeriac.consumers.renewed', 'celeriac.consumers.grace'}) do
  local time = redis.call('GET', key)
  if time then redis.call('SET', key, string.format('%.0f', time - ARGV[1]), 'KEEPTTL') end
end
for _, consumer in ipairs(redis.call('ZRANGE', 'celeriac.consumers', 0, -1)) do
  redis.call('ZINCRBY', 'celeriac.consumers', -ARGV[1], consumer)
end
for _, tag in ipairs(redis.call('ZRANGE', 'unacked_index', 0, -1)) do
  redis.call('ZINCRBY', 'unacked_index', -ARGV[1] / 1000, tag)
end
return 1`
  await lab.run('EVAL', script, '0', String(byMs))
}

describe('redis broker: the clock of the server', { skip: skipIfMissing(server) }, () => {
  for (const [step, byMs] of [
    ['forward', 2 * hourMs],
    ['back', -2 * hourMs],
  ] as const) {
    it(`gives nothing out twice when it is set ${step}`, async () => {
      await using lab = await RedisLab.open(redis)
      const [holder, other] = [await lab.broker({ leaseSeconds }), await lab.broker({ leaseSeconds })]
      const [held, taken] = [new Inbox(), new Inbox()]
      await holder.publish(to('q', 'a', 'b'))
      await holder.subscribe(['q'], held.onDeliveries, { prefetch: 2 })
      await held.waitFor(2)
      await other.subscribe(['q'], taken.onDeliveries, { prefetch: 2 })
      for (let steps = 0; steps < 2; steps++) {
        await setClock(lab, byMs)
        await sleep(leaseSeconds * 1000)
      }
      assert.deepEqual(taken.bodies, [])
      assert.ok(held.deliveries.every(({ isLost }) => !isLost))
      await held.acknowledgeAll()
      assert.equal(await lab.run('EXISTS', 'unacked', 'q'), 0)
    })

    it(`gives back what a killed worker held, though it was set ${step}`, async () => {
      await using lab = await RedisLab.open(redis)
      const broker = await lab.broker({ leaseSeconds })
      await broker.publish(to('q', 'a'))
      const child = lab.start('hold', '', 1, leaseSeconds)
      await until(
        async () => (await lab.run('EXISTS', 'unacked')) === 1,
        () => 'the other process to hold it',
      )
      await child.kill()
      await setClock(lab, byMs)
      const inbox = new Inbox({ settles: true })
      await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
      await inbox.waitFor(1)
      assert.equal(inbox.at(0).deliveryCount, 2)
    })
  }
})
