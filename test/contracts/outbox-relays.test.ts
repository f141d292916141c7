import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { ImproperlyConfigured } from '../../src/errors.ts'
import { checkSkipsLocked } from '../../src/outbox/mysql-rows.ts'
import { service, skipIfMissing } from '../services.ts'
import { noteOf } from './outbox-note.ts'
import { defineRelayTests } from './outbox-relays.ts'
import { openOutboxSite, until } from './outbox-site.ts'

const [postgres, mysql] = await Promise.all([service('postgres'), service('mysql')])

describe('relays of an outbox on SQLite', () => {
  defineRelayTests(it, () => 'sqlite')

  it('go on after the process that reads the file was killed', { skip: !existsSync('/proc') }, async () => {
    await using site = await openOutboxSite('sqlite')
    await site.outbox.migrate()
    const note = site.app.task('demo.note', (n: number) => n)
    const stop = site.relay()
    for (let round = 1; round <= 3; round++) {
      await site.transaction(() => note.delay(round))
      await until('it is sent', async () => (await site.waiting()) === round)
      const [reader] = readersOf(site.database.url)
      assert.ok(reader)
      process.kill(reader, 'SIGKILL')
    }
    await stop()
    await until('none is left', () => readersOf(site.database.url).length === 0)
  })

  it('leave what the ORM commits beside them where others see it', async () => {
    await using site = await openOutboxSite('sqlite')
    await site.outbox.migrate()
    for (let n = 1; n <= 20; n++) {
      await site.transaction((manager) => manager.save(noteOf(`note ${n}`)))
      assert.equal((await site.outbox.status())[0]?.waiting, 0)
      const [count] = await site.database.execute('SELECT COUNT(*) AS notes FROM note')
      assert.equal(count?.['notes'], n)
    }
  })
})

/** The process ids of our readers of a file. */
function readersOf(file: string): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)
  return children.map(Number).filter((pid) => {
    const words = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : []
    return words.includes(file) && words.some((word) => word.includes('outbox/sqlite-child'))
  })
}

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
