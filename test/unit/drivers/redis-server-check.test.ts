import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkServer, evictionPolicy, readHello } from '../../../src/drivers/redis-server-check.ts'
import { ImproperlyConfigured, OperationalError } from '../../../src/errors.ts'

const check = (changes: object, prefix = '', isClusterExpected = false): void =>
  checkServer(
    { version: '7.4.1', mode: 'standalone', role: 'master', ...changes },
    'host:6379',
    prefix,
    isClusterExpected,
  )

describe('what a Redis server says of itself', () => {
  it('is read from both forms of HELLO', () => {
    const fields = {
      server: 'redis',
      version: '7.0.15',
      proto: 2,
      id: 5,
      mode: 'standalone',
      role: 'master',
      modules: [],
    }
    const expected = { version: '7.0.15', mode: 'standalone', role: 'master' }
    assert.deepEqual(readHello(Object.entries(fields).flat()), expected)
    assert.deepEqual(readHello(fields), expected)
  })

  for (const version of ['6.2.0', '6.10.1', '7.0', '8.0-rc1', '10.0.0', '255.255.255']) {
    it(`is accepted with version ${version}`, () => check({ version }))
  }

  for (const version of ['6.0.16', '5.0.7', '2.8']) {
    it(`is refused with version ${version}`, () => {
      assert.throws(
        () => check({ version }),
        (error) => error instanceof OperationalError && error.message.includes(`version ${version}; 6.2 or newer`),
      )
    })
  }

  it('is refused where it is a replica or a sentinel', () => {
    assert.throws(() => check({ role: 'replica' }), /host:6379 is a replica and takes no writes/)
    assert.throws(() => check({ mode: 'sentinel' }), ImproperlyConfigured)
  })

  it('must have a prefix with a hash tag where it is a cluster', () => {
    for (const prefix of ['', 'app:', '{}', 'a}b{', '{open']) {
      assert.throws(() => check({ mode: 'cluster' }, prefix, true), /global_keyprefix.*hash tag/)
    }
    for (const prefix of ['{app}', '{app}:', 'x{app}y']) check({ mode: 'cluster' }, prefix, true)
  })

  it('tells whether it evicts', () => {
    assert.equal(evictionPolicy('maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\nx:1\r\n'), 'allkeys-lru')
    assert.equal(evictionPolicy(''), undefined)
  })
})
