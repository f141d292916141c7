import assert from 'node:assert/strict'
import { model } from '../../src/index.ts'
import { memoryStore, openHarness } from '../support/worker-harness.ts'
import { openMikroLab, type MikroLab } from './mikro-orm-lab.ts'
import type { UserRow } from './orm-contract-tools.ts'
import { describeWithLab, type DefineWithLab } from './orm-contract.ts'

const databases = ['sqlite', 'postgres', 'mysql'] as const

interface Row extends UserRow {
  tags: string[] | null
}

describeWithLab('tasks with mikro-orm', { databases, open: openMikroLab }, (it: DefineWithLab<MikroLab>, dialect) => {
  it('write what they changed by flush, once, and columns that hold objects are no change', async (lab) => {
    await using harness = await openHarness(memoryStore)
    const { app } = harness
    app.models.use(lab.adapter)
    const user = (await lab.create('User', { name: 'Ada', tags: ['a'] } as object)) as Row
    const touch = app.task('shop.touch', async (loaded: Row, name: string | null) => {
      assert.deepEqual(loaded.tags, ['a'])
      if (name !== null) loaded.name = name
      await lab.orm.em.flush()
      return loaded.version
    })
    await harness.startWorker()
    assert.equal(await (await touch.delay(user, null)).get(), user.version)
    assert.equal(await (await touch.delay(user, 'Bea')).get(), user.version + 1)
    assert.equal((await lab.findUser(user.id)).name, 'Bea')
  })

  if (dialect === 'sqlite') return

  it('that lock rows run in a transaction, to which orm.em belongs, and which writes what they changed', async (lab) => {
    await using harness = await openHarness(memoryStore)
    const { app } = harness
    app.models.use(lab.adapter)
    const user = await lab.create('User', { name: 'Ada' })
    const User = lab.classes.User
    const rename = app.task('shop.rename', [model(User, { lock: 'update' })], async (loaded) => {
      assert.ok(lab.orm.em.isInTransaction())
      assert.equal(await lab.orm.em.findOneOrFail(User, { id: loaded.id }), loaded)
      const { version } = loaded
      await new Promise((resolve) => setTimeout(resolve, 20))
      loaded.name += version
    })
    await harness.startWorker()
    const results = await Promise.all([1, 2, 3].map(() => rename.delay(user)))
    for (const result of results) await result.get()
    assert.equal((await lab.findUser(user.id)).name, 'Ada123')
  })
})
