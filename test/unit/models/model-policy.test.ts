import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Models } from '../../../src/app/models.ts'
import { compilePolicy } from '../../../src/app/model-policy.ts'
import { Transactions } from '../../../src/app/transactions.ts'
import { RowNotYetVisible } from '../../../src/errors.ts'
import type { FetchOptions } from '../../../src/orms/orm-adapter.ts'
import { ModelReference } from '../../../src/protocol/model-reference.ts'

/** A replica that lags: it has version 1, the primary version 2. */
function lagging(): { readonly models: Models; readonly asked: string[] } {
  const info = { label: 'shop.User', key: ['id'], handle: class User {} }
  const asked: string[] = []
  const models = new Models(new Transactions(() => undefined)).use({
    name: 'lagging',
    replicated: true,
    models: () => [info],
    identify: (row) => ({ model: info, key: 1, version: (row as { readonly version: number }).version }),
    fetch: async (_model, _keys, { primary }: FetchOptions) => {
      asked.push(primary ? 'primary' : 'replica')
      return [{ version: primary ? 2 : 1 }]
    },
  })
  return { models, asked }
}

describe('a policy', () => {
  it('reads where it says: as new as at the call, the primary, or anything', async () => {
    for (const [read, version, where] of [
      ['sent', 2, ['replica', 'primary']],
      ['primary', 2, ['primary']],
      ['any', 1, ['replica']],
    ] as const) {
      const { models, asked } = lagging()
      const row = await models.load(new ModelReference('shop.User', 1, { v: 2 }), { read })
      assert.deepEqual([row, asked], [{ version }, where], read)
    }
    const { models, asked } = lagging()
    await models.load(new ModelReference('shop.User', 1))
    assert.deepEqual(asked, ['primary'], 'without a version nobody could tell')
    const newer = new ModelReference('shop.User', 1, { v: 3 })
    await assert.rejects(models.load(newer, { grace: 0 }), RowNotYetVisible)
  })

  it('overrides another option by option, and equals one that says the same', () => {
    const task = { missing: 'discard', grace: '5s', with: ['b', 'a'] } as const
    const merged = compilePolicy(task, { missing: 'null' })
    assert.deepEqual(
      [merged.missing, merged.graceMs, merged.relations, merged.read, merged.changed],
      ['null', 5000, ['a', 'b'], 'sent', 'run'],
    )
    assert.equal(merged.id, compilePolicy({ grace: 5, with: ['a', 'b', 'a'], missing: 'null' }).id)
    assert.notEqual(merged.id, compilePolicy(task).id)
  })
})
