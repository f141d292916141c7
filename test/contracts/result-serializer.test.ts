import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openBackend } from '../../src/backends/open-backend.ts'
import { ContentDisallowed, ImproperlyConfigured } from '../../src/errors.ts'
import { service, skipIfMissing } from '../services.ts'
import { memoryStore, openHarness, sqliteStore } from '../support/worker-harness.ts'
import { success } from './backend-contract-tools.ts'

const redis = await service('redis')

describe('result_serializer', () => {
  for (const store of [memoryStore, sqliteStore]) {
    it(`has no effect on ${store.name}, and a warning says so`, async () => {
      await using harness = await openHarness(store, { resultSerializer: 'msgpack' })
      const at = new Date('2026-11-20T12:00:00Z')
      const task = harness.app.task('demo.date', () => at)
      await harness.startWorker()
      assert.deepEqual(await (await task.delay()).get({ timeout: '10s' }), at)
      const warnings = harness.lines.filter(({ fields }) => String(fields['warning']).includes('result_serializer'))
      assert.equal(warnings.length, 1)
    })
  }

  it('is to be among what result_accept_content names', { skip: skipIfMissing(redis) }, async () => {
    assert.ok('url' in redis)
    const prefix = `celeriac-test:${crypto.randomUUID()}`
    const options = { expiresMs: 1000, serializer: 'msgpack', transportOptions: { globalKeyprefix: prefix } }
    await using backend = await openBackend(redis.url, { ...options, acceptContent: ['json', 'yaml'] })
    await backend.store(success('a', 1))
    await assert.rejects(
      backend.fetch(['a']),
      (error) => error instanceof ContentDisallowed && /in msgpack .* does not name: json, yaml/.test(error.message),
    )
    await using other = await openBackend(redis.url, { ...options, acceptContent: ['application/x-msgpack'] })
    assert.equal((await other.fetch(['a']))[0]?.result, 1)
    await assert.rejects(openBackend(redis.url, { ...options, serializer: 'pickle' }), ImproperlyConfigured)
  })
})
