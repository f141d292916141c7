import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { service, skipIfMissing, type Service } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { Inbox, to } from './broker-contract-tools.ts'
import { sleep } from './contract.ts'

const redis = await service('redis')

describe('what a worker of ours holds on Redis', { skip: skipIfMissing(redis) }, () => {
  it("is never past a visibility timeout that is far shorter than the lease, so that Python's workers leave it alone", async () => {
    const prefix = `visibility-${process.pid}:`
    const { url } = redis as Service
    const timeoutMs = 5000
    const transportOptions = { global_keyprefix: prefix, visibility_timeout: timeoutMs / 1000, lease_seconds: 30 }
    await using broker = await openBroker(url, { transportOptions })
    const inbox = new Inbox()
    await broker.subscribe(['q'], inbox.onDeliveries, { prefetch: 1 })
    await broker.publish(to('q', 'a'))
    await inbox.waitFor(1)
    const shown = new Set<string>()
    // Again and again it is shown before the last time is too long ago.
    while (shown.size < 4) {
      const reply = await redisCommand(url, 'ZRANGE', `${prefix}unacked_index`, '0', '0', 'WITHSCORES')
      const [tag, score] = (reply as unknown[]).flat()
      const ageMs = Date.now() - Number(score) * 1000
      assert.ok(tag !== undefined && ageMs < timeoutMs, `it was shown ${ageMs} ms ago`)
      shown.add(String(score))
      await sleep(50)
    }
    await inbox.at(0).acknowledge()
    await inbox.staysAt(1)
  })
})
