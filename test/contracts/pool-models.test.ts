import assert from 'node:assert/strict'
import { Worker } from '../../src/index.ts'
import { sqliteStore, until } from '../support/worker-harness.ts'
import { newUser } from './orm-contract-tools.ts'
import { describeWithLab } from './orm-contract.ts'
import { openTypeOrmOn } from './typeorm-lab.ts'
import type { User } from './pool-app/models.ts'

interface Seen {
  readonly name: string
  readonly isRow: boolean
  readonly pid: number
  readonly threadId: number
}

/** How many children are started, used once and replaced. */
const recycled = Number(process.env['POOL_RECYCLED'] ?? 8)

describeWithLab('rows in slots', { databases: ['postgres'], open: openTypeOrmOn }, (it) => {
  it('are loaded in the slot that runs the task, over connections that end with it', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const store = await sqliteStore.open()
    process.env['POOL_MODELS_URL'] = lab.database.url
    process.env['POOL_MODELS_BROKER'] = store.broker
    const { app, close } = await import('./pool-app/models.ts')
    const user = app.models.ref<User>('shop.User', id)
    const see = async (): Promise<Seen> =>
      (await app.send<Seen>('models.where', [user])).get({ timeout: 30 + recycled })
    const before = await lab.database.connections()
    const handlesBefore = process.getActiveResourcesInfo()
    for (const pool of ['threads', 'processes'] as const) {
      const worker = new Worker(app, { pool, concurrency: 2, maxTasksPerChild: 1 })
      const running = worker.run()
      const seen = await Promise.all(Array.from({ length: recycled }, see))
      assert.ok(seen.every(({ name, isRow }) => name === 'Ada' && isRow))
      assert.equal(new Set(seen.map(({ pid, threadId }) => `${pid}/${threadId}`)).size, recycled)
      worker.stop()
      await running
    }
    await until('their connections are closed', async () => (await lab.database.connections()).length <= before.length)
    await until('their handles are gone', () => process.getActiveResourcesInfo().length <= handlesBefore.length + 2)
    await app.close()
    await close()
    await store.dispose()
  })
})
