import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { SqliteBroker } from '../../src/brokers/sqlite.ts'
import { ImproperlyConfigured } from '../../src/errors.ts'

async function refuses(url: string, transportOptions: Record<string, unknown>, ...parts: RegExp[]): Promise<void> {
  await assert.rejects(openBroker(url, { transportOptions }), (error) => {
    assert.ok(error instanceof ImproperlyConfigured, String(error))
    for (const part of parts) assert.match(error.message, part)
    return true
  })
}

describe('opening a broker', () => {
  it('opens a file, with options in either spelling', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-open-'))
    const transportOptions = { lease_seconds: 1, busyDeadlineSeconds: 2, synchronous: 'full' }
    const broker = await openBroker(`sqlite:${folder}/deep/down/a.db`, { transportOptions })
    assert.ok(broker instanceof SqliteBroker)
    assert.equal(await broker.count('celery'), 0)
    await broker[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('opens memory', async () => {
    await using broker = await openBroker('memory:')
    assert.equal(await broker.count('celery'), 0)
  })

  it('reports all wrong options at once, with the nearest known name', async () => {
    const options = { leaseSecond: 5, lease_seconds: -1, synchronous: 'off', visibility_timeout: 3600 }
    await refuses(
      'sqlite:never.db',
      options,
      /leaseSecond: unknown, did you mean leaseSeconds\?/,
      /lease_seconds: expected a number of seconds from 0\.1 up, got -1/,
      /synchronous: expected 'normal' or 'full', got "off"/,
      /visibility_timeout: unknown/,
    )
    await refuses('memory:', { leaseSeconds: 5 }, /takes no transport options, got leaseSeconds/)
  })

  it('names the schemes it knows, and those that are not there yet', async () => {
    await refuses('mongodb://x', {}, /starts with redis:, sqlite: or memory:, got 'mongodb:'/)
    await refuses('celeriac.db', {}, /got 'celeriac\.db'/)
    await refuses('amqp://user:secret@host', {}, /'amqp:' is not available in this release/)
    await refuses('sqlite::memory:', {}, /use memory:/)
  })
})
