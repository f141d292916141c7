import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, it } from 'node:test'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { optionKinds } from '../../../src/drivers/redis-option-kinds.ts'
import { parseRedisOptions, withUrlOptions } from '../../../src/drivers/redis-options.ts'

const parse = (options: Record<string, unknown>): ReturnType<typeof parseRedisOptions> =>
  parseRedisOptions(options, 'the Redis broker')

describe('transport options of Redis', () => {
  it('are complete without any', () => {
    const options = parse({})
    assert.equal(options.visibilityTimeoutMs, 3_600_000)
    assert.equal(options.socketTimeoutMs, 10_000)
    assert.deepEqual(options.prioritySteps, [0, 3, 6, 9])
    assert.equal(options.sep, '\x06\x16')
    assert.equal(options.queueOrderStrategy, 'round_robin')
    assert.equal(options.fanoutPrefix, true)
    assert.equal(options.ssl, undefined)
  })

  it('have the names of Celery, in snake_case and in camelCase, and seconds', () => {
    const one = parse({
      visibility_timeout: 43_200,
      global_keyprefix: 'app:',
      priority_steps: [0, 5],
      fanout_prefix: '/x.',
    })
    const other = parse({
      visibilityTimeout: 43_200,
      globalKeyprefix: 'app:',
      prioritySteps: [0, 5],
      fanoutPrefix: '/x.',
    })
    assert.deepEqual(one, other)
    assert.equal(one.visibilityTimeoutMs, 43_200_000)
    assert.deepEqual(one.prioritySteps, [0, 5])
    assert.equal(one.fanoutPrefix, '/x.')
  })

  it('may be those of kombu that mean nothing here, and None', () => {
    const kombu = {
      max_connections: 20,
      retry_on_timeout: true,
      unacked_restore_limit: 5,
      socket_keepalive_options: {},
    }
    assert.deepEqual(parse({ ...kombu, client_name: null, socket_timeout: undefined }), parse({}))
  })

  it('are all named in docs/redis.md', async () => {
    const page = await readFile(path.resolve(import.meta.dirname, '../../../docs/redis.md'), 'utf8')
    const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const unnamed = Object.keys(optionKinds).filter((name) => !page.includes(`\`${snake(name)}\``))
    assert.deepEqual(unnamed, [])
  })

  it('take the TLS settings of Celery and those of Node', () => {
    const python = { ca_certs: '/ca.pem', certfile: '/c.pem', keyfile: '/k.pem', ssl_cert_reqs: 'CERT_NONE' }
    const node = { ca: '/ca.pem', cert: '/c.pem', key: '/k.pem', rejectUnauthorized: false }
    assert.deepEqual(parse({ ssl: python }).ssl, node)
    assert.deepEqual(parse({ ssl: node }).ssl, node)
    assert.deepEqual(parse({ ssl: { cert_reqs: 2 } }).ssl, { rejectUnauthorized: true })
    assert.deepEqual(parse({ ssl: true }).ssl, {})
  })

  it('take how sentinels are asked, and for how long storing is tried', () => {
    const options = parse({ master_name: 'mymaster', sentinel_kwargs: { password: 'pw', socket_timeout: 1 } })
    assert.deepEqual([options.masterName, options.sentinelPassword], ['mymaster', 'pw'])
    assert.equal(parse({ retry_policy: { timeout: 5, max_retries: 2 } }).retryTimeoutMs, 5000)
  })

  it('may stand in the URL as texts, and join those of the settings', () => {
    const settings = parse({ ssl: { ca_certs: '/ca.pem' }, socket_timeout: 3 })
    const query = new Map([
      ['ssl_cert_reqs', 'none'],
      ['ssl_certfile', '/c.pem'],
      ['socket_timeout', '5'],
      ['socket_keepalive', 'false'],
    ])
    const options = withUrlOptions(settings, query)
    assert.deepEqual(options.ssl, { ca: '/ca.pem', rejectUnauthorized: false, cert: '/c.pem' })
    assert.deepEqual([options.socketTimeoutMs, options.socketKeepalive], [5000, false])
    assert.throws(() => withUrlOptions(settings, new Map([['sokket_timeout', '1']])), /did you mean socket_timeout\?/)
  })

  it('are refused all at once, with the nearest known name and without passwords', () => {
    const wrong = {
      visibility_timout: 1,
      socketTimeOut: 1,
      socket_timeout: '5 minutes',
      priority_steps: [3, 0],
      queue_order_strategy: 'random',
      sentinel_kwargs: 'hunter2',
    }
    assert.throws(
      () => parse(wrong),
      (error) => {
        assert.ok(error instanceof ImproperlyConfigured)
        for (const part of [
          /^Transport options of the Redis broker: /,
          /visibility_timout: unknown, did you mean visibility_timeout\?/,
          /socketTimeOut: unknown, did you mean socketTimeout\?/,
          /socket_timeout: expected a number of seconds from 0.05 up, got "5 minutes"/,
          /priority_steps: expected a list of different whole numbers/,
          /queue_order_strategy: expected 'round_robin', 'sorted' or 'priority', got "random"/,
          /sentinel_kwargs: expected an object/,
        ])
          assert.match(error.message, part)
        assert.doesNotMatch(error.message, /hunter2/)
        return true
      },
    )
  })
})
