import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { openBackend } from '../../src/backends/open-backend.ts'
import { ImproperlyConfigured } from '../../src/errors.ts'
import { describeBackend } from './backend-contract.ts'
import { fetchOne, success } from './backend-contract-tools.ts'

const options = { expiresMs: 86_400_000 }

describeBackend('memory backend', async () => {
  const url = `memory:${randomUUID()}`
  const backend = await openBackend(url, options)
  return {
    backend,
    dispose: async () => await backend[Symbol.asyncDispose](),
    reopen: async (changed = {}) => await openBackend(url, { ...options, ...changed }),
  }
})

describe('memory backend: names', () => {
  it('is a backend of its own without a name, and shared by all that open the same name', async () => {
    await using one = await openBackend('memory:', options)
    await using two = await openBackend('memory://', options)
    await using shared = await openBackend('memory:shared', options)
    await using same = await openBackend('memory://shared', options)
    await one.store(success('a'))
    await shared.store(success('b'))
    assert.equal(await fetchOne(two, 'a'), undefined)
    assert.equal((await fetchOne(same, 'b'))?.status, 'SUCCESS')
  })
})

describe('disabled backend', () => {
  it('keeps nothing, knows nothing and tells nothing', async () => {
    await using backend = await openBackend('disabled:', options)
    await backend.watch(['a'], () => assert.fail('nothing is stored'))
    await backend.store(success('a'))
    assert.deepEqual(await backend.fetch(['a', 'b']), [undefined, undefined])
    assert.equal(await backend.deleteExpired(), 0)
    await backend.forget('a')
  })

  it('refuses groups with what to set', async () => {
    await using backend = await openBackend('disabled:', options)
    const part = { index: 0, taskId: 'a', status: 'SUCCESS', result: 1 }
    await assert.rejects(backend.addGroupPart('g', part), /Group g needs a result backend.*sqlite:/)
    await assert.rejects(backend.groupParts('g'), ImproperlyConfigured)
  })
})

describe('openBackend', () => {
  it('refuses an unknown scheme with those it knows, and hides what else the URL holds', async () => {
    await assert.rejects(openBackend('mongodb://user:secret@host', options), (error: Error) => {
      assert.ok(error instanceof ImproperlyConfigured)
      assert.match(error.message, /redis:.*memory:.*sqlite:.*disabled:.*'mongodb'/)
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
  })

  for (const url of ['rpc://', 'db+postgresql://localhost/x']) {
    it(`says of ${url} that it is not there yet`, async () => {
      await assert.rejects(openBackend(url, options), /not there yet; use one of redis:/)
    })
  }

  for (const url of ['', 'celeriac.db', '/var/celeriac.db']) {
    it(`refuses '${url}', which is no URL`, async () => {
      await assert.rejects(openBackend(url, options), ImproperlyConfigured)
    })
  }
})
