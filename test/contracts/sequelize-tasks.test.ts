import assert from 'node:assert/strict'
import type { Model } from 'sequelize'
import { model } from '../../src/index.ts'
import { memoryStore, openHarness } from '../support/worker-harness.ts'
import type { UserRow } from './orm-contract-tools.ts'
import { describeWithLab, type DefineWithLab } from './orm-contract.ts'
import { openSequelizeLab, type SequelizeLab } from './sequelize-lab.ts'

type Row = Model & UserRow

const databases = ['postgres', 'mysql'] as const

describeWithLab('tasks with sequelize', { databases, open: openSequelizeLab }, (it: DefineWithLab<SequelizeLab>) => {
  it('that lock rows run in a transaction, to which their statements belong unless they say otherwise', async (lab) => {
    await using harness = await openHarness(memoryStore)
    const { app } = harness
    app.models.use(lab.adapter)
    const user = await lab.create('User', { name: 'Ada' })
    const { User } = lab.classes
    const rename = app.task('shop.rename', [model(User, { lock: 'update' })], async (taken) => {
      const loaded = taken as Row
      const { name } = loaded
      await loaded.update({ name: `${name}+` })
      assert.equal(((await User.findByPk(user.id)) as Row | null)?.name, `${name}+`)
      assert.equal(((await User.findByPk(user.id, { transaction: null })) as Row | null)?.name, name)
      return loaded.name
    })
    await harness.startWorker()
    const results = await Promise.all([1, 2, 3].map(() => rename.delay(user as Row)))
    const names = await Promise.all(results.map((result) => result.get()))
    assert.deepEqual(names.toSorted(), ['Ada+', 'Ada++', 'Ada+++'])
    assert.equal((await lab.findUser(user.id)).name, 'Ada+++')
  })

  it('that lock rows write nothing if they fail', async (lab) => {
    await using harness = await openHarness(memoryStore)
    const { app } = harness
    app.models.use(lab.adapter)
    const user = await lab.create('User', { name: 'Ada' })
    const fail = app.task('shop.fail', [model(lab.classes.User, { lock: 'update' })], async (loaded) => {
      await (loaded as Row).update({ name: 'never' })
      throw new Error('something went wrong')
    })
    await harness.startWorker()
    await assert.rejects((await fail.delay(user as Row)).get(), /something went wrong/)
    assert.equal((await lab.findUser(user.id)).name, 'Ada')
  })
})
