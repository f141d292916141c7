import assert from 'node:assert/strict'
import { Celeriac, Worker } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { newUser } from './orm-contract-tools.ts'
import { describeOrmFaults } from './orm-contract.ts'
import { openTypeOrmOn, type User } from './typeorm-lab.ts'

describeOrmFaults('a thousand workers, one after the other', { databases: ['postgres'], open: openTypeOrmOn }, (it) => {
  it('share the pool of their process, and leave no connection behind', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const app = new Celeriac('executors', {
      broker: 'memory:',
      backend: 'memory:',
      logger: createLogger({ level: 'silent' }),
    })
    app.models.use(lab.adapter)
    const greet = app.task('shop.greet', (user: User) => user.name)
    const oneWorker = async (): Promise<void> => {
      const worker = new Worker(app, { concurrency: 2 })
      const running = worker.run()
      const results = await greet.delayMany([
        [app.models.ref<User>('shop.User', id)],
        [app.models.ref<User>('shop.User', id)],
      ])
      for (const result of results) assert.equal(await result.get({ timeout: '10s' }), 'Ada')
      worker.stop()
      await running
    }
    for (let round = 0; round < 10; round++) await oneWorker()
    const before = await lab.database.connections()
    for (let round = 0; round < 1000; round++) await oneWorker()
    const after = await lab.database.connections()
    assert.ok(after.length <= before.length, `${before.length} connections became ${after.length}`)
    await app.close()
  })
})
