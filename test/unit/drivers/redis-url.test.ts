import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ImproperlyConfigured } from '../../../src/errors.ts'
import { parseRedisUrl } from '../../../src/drivers/redis-url.ts'

const nothing = { path: undefined, username: undefined, password: undefined, db: 0, hasTls: false, query: new Map() }
const local = { host: 'localhost', port: 6379 }

describe('a Redis URL', () => {
  const servers: [string, object][] = [
    ['redis://', {}],
    ['redis://localhost', {}],
    ['redis://localhost:6379/', {}],
    ['REDIS://localhost:6379/0', {}],
    ['redis://localhost/15', { db: 15 }],
    ['redis://example.com:6380/2', { addresses: [{ host: 'example.com', port: 6380 }], db: 2 }],
    ['redis://[::1]:6380', { addresses: [{ host: '::1', port: 6380 }] }],
    ['redis://:secret@localhost', { password: 'secret' }],
    ['redis://app@localhost', { username: 'app' }],
    ['redis://app:p%40ss%2F%25@localhost/1', { username: 'app', password: 'p@ss/%', db: 1 }],
    ['redis://app:p@ss:word@localhost/1', { username: 'app', password: 'p@ss:word', db: 1 }],
    ['rediss://localhost?ssl_cert_reqs=none', { hasTls: true, query: new Map([['ssl_cert_reqs', 'none']]) }],
    ['redis://localhost?db=3&socket_timeout=5', { db: 3, query: new Map([['socket_timeout', '5']]) }],
    ['redis+socket:///tmp/r.sock', { kind: 'socket', addresses: [], path: '/tmp/r.sock' }],
    ['socket:///tmp/a%20b.sock?virtual_host=4', { kind: 'socket', addresses: [], path: '/tmp/a b.sock', db: 4 }],
    ['redis+socket://:pw@/r.sock?db=1', { kind: 'socket', addresses: [], path: '/r.sock', password: 'pw', db: 1 }],
  ]
  for (const [url, expected] of servers) {
    it(`is read: ${url}`, () => {
      assert.deepEqual(parseRedisUrl(url), { ...nothing, kind: 'server', addresses: [local], ...expected })
    })
  }

  it('names several sentinels, of which one has the user and the last the database', () => {
    assert.deepEqual(parseRedisUrl('sentinel://app:pw@s1:26380;sentinel://s2;s3:26379/4'), {
      ...nothing,
      kind: 'sentinel',
      addresses: [
        { host: 's1', port: 26_380 },
        { host: 's2', port: 26_379 },
        { host: 's3', port: 26_379 },
      ],
      username: 'app',
      password: 'pw',
      db: 4,
    })
  })

  it('names some nodes of a cluster, with and without TLS', () => {
    const addresses = [
      { host: 'a', port: 7000 },
      { host: 'b', port: 6379 },
    ]
    assert.deepEqual(parseRedisUrl('redis+cluster://a:7000;b'), { ...nothing, kind: 'cluster', addresses })
    assert.deepEqual(parseRedisUrl('rediss+cluster://a:7000;b/0').hasTls, true)
  })

  const malformed: [string, RegExp][] = [
    ['http://localhost', /scheme 'http'/],
    ['localhost:6379', /scheme 'localhost'|scheme ''/],
    ['redis://localhost/none', /the database must be a number/],
    ['redis://localhost:port', /expected host:port/],
    ['redis://localhost:65536', /expected host:port/],
    ['redis://a;redis://b', /names 2 servers.*sentinel/],
    ['redis+socket://', /no path/],
    ['redis+cluster://a/1', /database 0 only/],
    ['redis://:hunter2%@localhost', /write '%' as %25/],
    ['redis://:hunter2/x@localhost', /expected host:port; write '\/'/],
    ['redis://:hunter2#x@localhost', /'#'/],
  ]
  for (const [url, expected] of malformed) {
    it(`is refused, without the password: ${url}`, () => {
      assert.throws(
        () => parseRedisUrl(url),
        (error) => {
          assert.ok(error instanceof ImproperlyConfigured)
          assert.match(error.message, expected)
          assert.ok(!error.message.includes('hunter2'))
          return true
        },
      )
    })
  }
})
