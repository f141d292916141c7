import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ModelRegistry, type RegisteredModel } from '../../../src/app/model-registry.ts'
import { RowLoader } from '../../../src/app/row-loader.ts'
import type { FetchOptions, OrmAdapter } from '../../../src/orms/orm-adapter.ts'

interface Row {
  readonly id: number
  readonly team?: { readonly leader: object }
}

/** Every row of one query hangs on the same team, as some ORMs do it. */
function teamOrm(): { readonly model: RegisteredModel; readonly reads: FetchOptions[] } {
  const info = { label: 'shop.User', key: ['id'], handle: class User {} }
  const reads: FetchOptions[] = []
  const adapter: OrmAdapter = {
    name: 'teams',
    models: () => [info],
    identify: (row) => ({ model: info, key: (row as Row).id }),
    copy: (row) => ({ ...row }),
    fetch: async (_model, keys, options) => {
      reads.push(options)
      const team = { leader: {} }
      return keys.map((id) => (options.relations ? { id: Number(id), team } : { id: Number(id) }))
    },
  }
  const registry = new ModelRegistry()
  registry.add(adapter)
  return { model: registry.get('shop.User', undefined), reads }
}

async function readBy(
  loader: RowLoader,
  model: RegisteredModel,
  ids: readonly number[],
  options: Partial<FetchOptions> = {},
): Promise<Row[]> {
  const wanted = new Map(ids.map((id) => [String(id), { key: id }]))
  const rows = await loader.read(model, wanted, { primary: true, ...options })
  return [...rows.values()] as Row[]
}

describe('RowLoader', () => {
  it('reads with one query what is asked for alike, and apart what is not', async () => {
    const { model, reads } = teamOrm()
    const loader = new RowLoader()
    await Promise.all([
      readBy(loader, model, [1]),
      readBy(loader, model, [2]),
      readBy(loader, model, [1], { hideDeleted: true }),
      readBy(loader, model, [2], { hideDeleted: true }),
      readBy(loader, model, [1], { primary: false }),
      readBy(loader, model, [1], { relations: ['team'] }),
    ])
    assert.equal(reads.length, 4)
  })

  it('reads each row by itself in a transaction', async () => {
    const { model, reads } = teamOrm()
    const loader = new RowLoader()
    await Promise.all([readBy(loader, model, [1], { tx: {} }), readBy(loader, model, [2], { tx: {} })])
    assert.equal(reads.length, 2)
  })

  it('shares no related object between tasks, at any depth', async () => {
    const { model, reads } = teamOrm()
    const loader = new RowLoader()
    const relations = ['team', 'team.leader']
    const [first, second, third] = await Promise.all(
      [[1], [2, 3], [1]].map((ids) => readBy(loader, model, ids, { relations })),
    )
    const rows = [first?.[0], second?.[0], third?.[0]]
    assert.equal(new Set(rows).size, 3)
    assert.equal(new Set(rows.map((row) => row?.team)).size, 3)
    assert.equal(new Set(rows.map((row) => row?.team?.leader)).size, 3)
    // Within one task it is the ORM's own doing.
    assert.equal(second?.[0]?.team, second?.[1]?.team)
    assert.equal(reads.length, 3)
  })
})
