import assert from 'node:assert/strict'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { openMikroLab } from './mikro-orm-lab.ts'
import { describeWithLab } from './orm-contract.ts'

const databases = ['sqlite', 'postgres', 'mysql'] as const

describeWithLab('hierarchies with mikro-orm', { databases, open: openMikroLab }, (it) => {
  it('are loaded through their root: what became a Cat arrives as one', async ({ orm, classes, models, database }) => {
    const em = orm.em.fork()
    em.create(classes.Dog, { name: 'Rex' } as never)
    await em.flush()
    const dog = (await em.findOneOrFail(classes.Dog, { name: 'Rex' } as never)) as { readonly id: number }
    const sent = models.toReferences(dog) as unknown as ModelReference
    assert.deepEqual(sent, new ModelReference('shop.Dog', dog.id))
    await database.execute(`UPDATE animals SET kind = 'Cat' WHERE id = ${dog.id}`)
    const [byDog, byRoot] = (await models.load([sent, new ModelReference('shop.Animal', dog.id)])) as object[]
    assert.ok(byDog instanceof classes.Cat)
    assert.equal(byDog, byRoot)
  })
})
