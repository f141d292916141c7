import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseSqliteUrl } from '../../../src/drivers/sqlite-url.ts'
import { ImproperlyConfigured } from '../../../src/errors.ts'

describe('sqlite url', () => {
  const paths = {
    'sqlite:./celeriac.db': './celeriac.db',
    'sqlite:celeriac.db': 'celeriac.db',
    'sqlite://celeriac.db': 'celeriac.db',
    'sqlite://../data/a.db': '../data/a.db',
    'sqlite:/var/lib/a.db': '/var/lib/a.db',
    'sqlite:///var/lib/a.db': '/var/lib/a.db',
    'SQLITE:a.db': 'a.db',
    'sqlite:with%20space%3F.db': 'with space?.db',
    'sqlite:./grüße.db': './grüße.db',
  }
  for (const [url, path] of Object.entries(paths)) {
    it(`reads ${url} as ${path}`, () => assert.equal(parseSqliteUrl(url), path))
  }

  const refused = {
    'sqlite::memory:': /use memory:/,
    'sqlite:///:memory:': /use memory:/,
    'sqlite:': /names no file/,
    'sqlite://': /names no file/,
    'sqlite:folder/': /names no file/,
    'sqlite:a.db?mode=ro': /broker_transport_options/,
    'sqlite:100%.db': /%25/,
    'sqlite:a%00.db': /zero character/,
    'redis://localhost': /Expected a URL like sqlite:/,
  }
  for (const [url, message] of Object.entries(refused)) {
    it(`refuses ${url} and says what to do`, () => {
      assert.throws(
        () => parseSqliteUrl(url),
        (error) => error instanceof ImproperlyConfigured && message.test(error.message),
      )
    })
  }
})
