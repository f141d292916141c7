import assert from 'node:assert/strict'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import {
  adapterWith,
  columns,
  inApp,
  newUser,
  type DefineOrm,
  type SeatRow,
  type UserRow,
} from './orm-contract-tools.ts'

/** Tasks that load in one turn of the loop share queries, and nothing else. */
export function defineBatchingTests(it: DefineOrm): void {
  it('reads what many tasks ask for in one turn with one query per model, and shares no object', async (lab) => {
    const users: UserRow[] = []
    for (let i = 0; i < 50; i++) users.push(await newUser(lab, `u${i}`))
    const seats: SeatRow[] = []
    for (const row of [1, 2, 3]) seats.push(await lab.create('Seat', { row, seat: 'A', holder: '' }))
    const calls = Array.from({ length: 1000 }, (_, i) => lab.models.toReferences([users[i % 50], seats[i % 3]]))
    lab.takeSelects()
    const loaded = (await Promise.all(calls.map((call) => lab.models.load(call)))) as [UserRow, SeatRow][]
    const selects = lab.takeSelects()
    assert.equal(new Set(loaded.flat()).size, 2000)
    assert.deepEqual(
      loaded.map(([user]) => user.id),
      calls.map((_, i) => users[i % 50]?.id),
    )
    const limit = lab.adapter.copy ? 2 : 1000
    assert.ok(selects <= (lab.adapter.runTask ? 2000 : limit), `${selects} queries`)
  })

  it('shares no object where rows cannot be copied either', async (lab) => {
    const { models } = inApp(lab, adapterWith(lab.adapter, {}))
    const user = await newUser(lab, 'Ada')
    const loaded = await Promise.all(Array.from({ length: 5 }, () => models.load(models.toReferences(user))))
    assert.equal(new Set(loaded).size, 5)
    for (const row of loaded) assert.deepEqual(columns(row as unknown as UserRow), columns(user))
  })

  it('reads a row again for every call', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const sent = lab.models.toReferences(user)
    const first = (await lab.models.load(sent)) as unknown as UserRow
    first.name = 'scribbled'
    const second = (await lab.models.load(sent)) as unknown as UserRow
    assert.equal(second.name, 'Ada')
  })

  it('fails only the task whose row is missing', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const good = lab.models.toReferences(user)
    const bad = new ModelReference('shop.User', -1, { c: 1 })
    const outcomes = await Promise.allSettled([good, bad, good].map((value) => lab.models.load(value)))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
  })

  it('fails only the task whose key the database chokes on', async (lab) => {
    const { adapter } = lab
    const choking = adapterWith(adapter, {
      fetch: (model, keys, options) =>
        keys.includes('poison')
          ? Promise.reject(new Error('invalid input syntax'))
          : adapter.fetch(model, keys, options),
    })
    const { models } = inApp(lab, choking)
    const user = await newUser(lab, 'Ada')
    const poison = new ModelReference('shop.User', 'poison')
    const values = [user, user, poison, user, user].map((value) => models.toReferences<unknown>(value))
    const outcomes = await Promise.allSettled(values.map((value) => models.load(value)))
    assert.deepEqual(
      outcomes.map(({ status }) => status === 'fulfilled'),
      [true, true, false, true, true],
    )
  })

  it('loads thousands of references with few queries', async (lab) => {
    await newUser(lab, 'Ada')
    lab.takeSelects()
    const refs = Array.from({ length: 12_000 }, (_, i) => new ModelReference('shop.User', i + 1))
    const seats = Array.from({ length: 1500 }, (_, i) => new ModelReference('shop.Seat', [i, 'A']))
    const rows = (await lab.models.load([refs, seats], { missing: 'null', grace: 0 })) as unknown[][]
    assert.equal(rows.flat().filter((row) => row !== null).length, 1)
    const selects = lab.takeSelects()
    assert.ok(selects <= 10, `${selects} queries`)
  })
}
