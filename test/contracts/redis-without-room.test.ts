import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { privateServer, skipIfMissing, type PrivateServer } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { gate, openHarness, until, type LogLine, type Store } from '../support/worker-harness.ts'

const server = await privateServer('redis')

describe('a worker whose results find no room on Redis', { skip: skipIfMissing(server) }, () => {
  const redis = server as PrivateServer
  const store: Store = {
    name: 'redis',
    open: async () => ({ broker: redis.url, backend: redis.url, dispose: async () => {} }),
  }
  after(() => redis.stop())

  it('says once why its slots are busy, and once that it is over', async () => {
    await using harness = await openHarness(store)
    const limit = (maxmemory: string) => redisCommand(redis.url, 'CONFIG', 'SET', 'maxmemory', maxmemory)
    const go = gate()
    const wait = harness.app.task('demo.wait', async (n: number) => {
      await go.opened
      return n
    })
    await harness.startWorker()
    const results = await Promise.all([1, 2].map((n) => wait.delay(n)))
    const told = (text: string): LogLine[] => harness.lines.filter(({ message }) => message.includes(text))
    await until('both run', () => told('received').length === 2)
    await limit('1')
    go.open()
    const [warning] = await until('it says why', () => told('waits for room').length > 0 && told('waits for room'))
    await limit('0')
    assert.deepEqual(await Promise.all(results.map((result) => result.get({ timeout: '20s' }))), [1, 2])
    await until('it says that it is over', () => told('stored again').length > 0)
    assert.equal(warning?.level, 'warn')
    assert.equal(warning.fields['queue'], 'celery')
    assert.ok(results.some(({ id }) => id === warning.fields['taskId']))
    assert.match(String(warning.fields['reason']), /maxmemory.*raise it, or let results expire sooner/)
    assert.deepEqual([told('waits for room').length, told('stored again').length], [1, 1])
  })
})
