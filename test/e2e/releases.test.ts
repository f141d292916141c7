import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { Celeriac, Worker } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'

const fixtures = path.resolve(import.meta.dirname, '../fixtures/releases')

/** Files that earlier releases left: messages that wait, a deferred one, typed values, a stored result. */
describe('a SQLite file', async () => {
  for (const file of (await readdir(fixtures)).filter((name) => name.endsWith('.db'))) {
    it(`of release ${path.basename(file, '.db')} is read, and what waits in it runs`, async () => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-release-'))
      const copy = path.join(folder, 'queue.db')
      await copyFile(path.join(fixtures, file), copy)
      const app = new Celeriac('release', {
        broker: `sqlite:${copy}`,
        logger: createLogger({ level: 'silent' }),
        settings: { result_expires: null },
      })
      const seen: unknown[] = []
      app.task('demo.add', (x: number, y: number) => x + y)
      app.task(
        'demo.typed',
        { parameters: ['value', 'flag'] },
        (value: unknown, flag: boolean) => void seen.push(value, flag),
      )
      try {
        await new Worker(app, { drain: true }).run()
        assert.equal(await app.result('waiting').get({ timeout: '5s' }), 5)
        assert.equal(await app.result('deferred').get({ timeout: '5s' }), 2)
        assert.deepEqual(seen, [{ when: new Date(0), big: 2n ** 70n, bytes: new Uint8Array([1, 255]) }, true])
      } finally {
        await app.close()
        await rm(folder, { recursive: true })
      }
    })
  }
})
