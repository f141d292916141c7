import assert from 'node:assert/strict'
import { it } from 'node:test'
import { model, UnidentifiableInstance } from '../../src/index.ts'
import { memoryStore, openHarness } from '../support/worker-harness.ts'
import { adapterWith } from './orm-contract-tools.ts'
import { openTypeOrmLab, User } from './typeorm-lab.ts'

it('rows of a class that two databases have are never taken for those of the other', async () => {
  await using main = await openTypeOrmLab()
  await using archive = await openTypeOrmLab()
  await using harness = await openHarness(memoryStore)
  const { app } = harness
  app.models.use(adapterWith(archive.adapter, { db: 'archive' })).use(main.adapter)
  const ada = (await main.create('User', { name: 'Ada' })) as User
  const old = (await archive.create('User', { name: 'Old' })) as User
  assert.equal(ada.id, old.id)
  const names = app.task('shop.names', (...users: User[]) => users.map((user) => user.name))
  const declared = app.task('shop.declared', [model(User)], (user) => user.name)
  for (const row of [ada, old]) {
    await assert.rejects(names.delay(row), (error) => {
      assert.ok(error instanceof UnidentifiableInstance)
      assert.match(error.message, /\$\.args\[0\]: typeorm 'archive' and typeorm \(no db\) both have the class of this/)
      return true
    })
  }
  await harness.startWorker()
  const [here, there] = [app.models.ref(User, ada.id), app.models.ref(User, old.id, { db: 'archive' })]
  const result = await names.delay(here, there, app.models.ref<User>('shop.User', old.id, { db: 'archive' }))
  assert.deepEqual(await result.get({ timeout: 10 }), ['Ada', 'Old', 'Old'])
  assert.equal(await (await declared.delay(there)).get({ timeout: 10 }), 'Old')
  assert.equal((await there.load()).name, 'Old')
  assert.throws(() => app.models.ref(User, 1, { db: 'nowhere' }), /got User of the database 'nowhere'/)
})
