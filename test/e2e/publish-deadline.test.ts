import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { Celeriac, OperationalError } from '../../src/index.ts'

describe('a call while the SQLite file is locked by somebody else', () => {
  it('fails within task_publish_timeout, and the next one goes through once the lock is gone', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-locked-'))
    const file = path.join(folder, 'queue.db')
    await using app = new Celeriac('locked', { broker: `sqlite:${file}`, settings: { task_publish_timeout: '300ms' } })
    const note = app.task('demo.note', (text: string) => text)
    await note.delay('first')
    const locker = new DatabaseSync(file)
    locker.exec('BEGIN EXCLUSIVE')
    const startedAt = performance.now()
    await assert.rejects(note.delay('second'), (error) => {
      assert.ok(error instanceof OperationalError)
      assert.match(error.message, /task_publish_timeout|locked/)
      return true
    })
    const tookMs = performance.now() - startedAt
    assert.ok(tookMs >= 250 && tookMs < 5000, `took ${tookMs} ms`)
    locker.exec('ROLLBACK')
    locker.close()
    await note.delay('third')
    const broker = await app.openBroker()
    assert.ok((await broker.count('celery')) >= 2)
    await app.close()
    await rm(folder, { recursive: true })
  })

  it('waits for a lock that is held for less', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-locked-'))
    const file = path.join(folder, 'queue.db')
    await using app = new Celeriac('locked', { broker: `sqlite:${file}` })
    const note = app.task('demo.note', (text: string) => text)
    await note.delay('first')
    const locker = new DatabaseSync(file)
    locker.exec('BEGIN EXCLUSIVE')
    const second = note.delay('second')
    setTimeout(() => {
      locker.exec('ROLLBACK')
      locker.close()
    }, 200)
    await second
    assert.equal(await (await app.openBroker()).count('celery'), 2)
    await app.close()
    await rm(folder, { recursive: true })
  })
})
