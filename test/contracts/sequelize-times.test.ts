import assert from 'node:assert/strict'
import { DataTypes, type Model } from 'sequelize'
import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import { sequelize } from '../../src/orms/sequelize.ts'
import { describeWithLab } from './orm-contract.ts'
import { openSequelizeLab } from './sequelize-lab.ts'

const databases = ['sqlite', 'postgres', 'mysql'] as const

describeWithLab('times of updates with sequelize', { databases, open: openSequelizeLab }, (it) => {
  for (const digits of [undefined, 3, 6]) {
    const name = digits === undefined ? 'as their column is by default' : `with ${digits} digits`
    it(`make no row older than its instance, ${name}`, async ({ sequelize: instance }) => {
      const updatedAt = digits === undefined ? DataTypes.DATE : DataTypes.DATE(digits)
      const Stamp = instance.define('Stamp', { text: DataTypes.STRING, updatedAt }, { createdAt: false })
      await Stamp.sync({ force: true })
      const models = new Models(new Transactions((error) => assert.ifError(error))).use(
        sequelize(instance, { app: 'times', models: [Stamp] }),
      )
      for (let index = 0; index < 5; index++) {
        const row = await Stamp.create({ text: `${index}` })
        await new Promise((resolve) => setTimeout(resolve, 3))
        await row.update({ text: `changed ${index}` })
        const loaded = (await models.load(models.toReferences(row), { grace: 0 })) as Model
        assert.equal(loaded.get('text'), `changed ${index}`)
      }
      await Stamp.drop()
    })
  }
})
