import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ImproperlyConfigured } from '../../src/errors.ts'
import { checkSkipsLocked } from '../../src/outbox/mysql-rows.ts'
import { service, skipIfMissing } from '../services.ts'
import { defineRelayTests } from './outbox-relays.ts'

const [postgres, mysql] = await Promise.all([service('postgres'), service('mysql')])

describe('relays of an outbox on SQLite', () => defineRelayTests(it, () => 'sqlite'))

for (const server of [postgres, mysql]) {
  const name = 'name' in server ? server.name : server.missing
  describe(`relays of an outbox on ${name}`, { skip: skipIfMissing(server) }, () => {
    if ('url' in server) defineRelayTests(it, () => server)
  })
}

describe('an outbox on a server of the MySQL family', () => {
  it('needs one that can skip locked rows, and says so', () => {
    const good = ['10.6.0-MariaDB', '5.5.5-10.11.19-MariaDB-0+deb12u1', '12.0.2-MariaDB', '8.0.1', '8.4.3', '9.1.0-log']
    for (const version of good) checkSkipsLocked(version)
    for (const version of ['10.5.28-MariaDB', '5.5.5-10.3.39-MariaDB', '8.0.0', '5.7.44-log']) {
      assert.throws(
        () => checkSkipsLocked(version),
        (error) => error instanceof ImproperlyConfigured && error.message.includes(version),
      )
    }
  })
})
