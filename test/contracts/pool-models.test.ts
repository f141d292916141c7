import assert from 'node:assert/strict'
import { Worker, type Celeriac, type Ref } from '../../src/index.ts'
import { openSlotPool } from '../../src/pools/open-pool.ts'
import type { Execution } from '../../src/pools/pool.ts'
import { readTask } from '../../src/protocol/task-message.ts'
import { slotSetup } from '../../src/worker/slot-setup.ts'
import type { TestDatabase } from '../services.ts'
import { rawMessage, sqliteStore, until } from '../support/worker-harness.ts'
import { newUser, type OrmLab } from './orm-contract-tools.ts'
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

/** A transaction is committed if its attempt is still accepted then, and rolled back if its message was given away. */
async function renameInSlot(app: Celeriac, { database }: OrmLab, user: Ref<User>): Promise<void> {
  const id = Number(user.key)
  await using pool = await openSlotPool('threads', {
    size: 1,
    entry: new URL('../../src/worker/slot-child.ts', import.meta.url),
    setup: slotSetup(app, 'lab', {}),
    store: () => Promise.resolve(),
    onSlotFree: () => undefined,
    onLog: () => undefined,
    onNote: () => undefined,
    onBroken: (error) => assert.fail(error),
  })
  await pool.start()
  const loan = { isLost: false }
  const rename = (name: string): Execution => {
    const reference = `{"__type__": "model", "__value__": ["shop.User", ${id}]}`
    const message = rawMessage({
      headers: { task: 'models.rename' },
      body: `[[${reference}, "${name}", 300], {}, null]`,
    })
    const { headers, protocol } = readTask(message, () => undefined)
    const none = { softTimeLimitMs: undefined, hardTimeLimitMs: undefined }
    return pool.run({ headers, protocol, message, queue: 'celery', deliveryCount: 1, ...none }, loan)
  }
  assert.equal((await rename('Grace').outcome).kind, 'succeeded')
  assert.equal(await nameOf(database, id), 'Grace')
  const late = rename('nobody')
  setTimeout(() => (loan.isLost = true), 150)
  assert.equal((await late.outcome).kind, 'cancelled')
  assert.equal(await nameOf(database, id), 'Grace')
  await database.execute(`UPDATE users SET name = 'Ada' WHERE id = ${id}`)
}

function nameOf(database: TestDatabase, id: number): Promise<unknown> {
  return database.execute(`SELECT name FROM users WHERE id = ${id}`).then(([row]) => row?.['name'])
}

describeWithLab('rows in slots', { databases: ['postgres'], open: openTypeOrmOn }, (it) => {
  it('are loaded in the slot that runs the task, over connections that end with it', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const store = await sqliteStore.open()
    process.env['POOL_MODELS_URL'] = lab.database.url
    process.env['POOL_MODELS_BROKER'] = store.broker
    const { app, close } = await import('./pool-app/models.ts')
    const user = app.models.ref<User>('shop.User', id)
    await renameInSlot(app, lab, user)
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
