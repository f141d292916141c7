import assert from 'node:assert/strict'
import type { SqlDialect } from '../../src/orms/orm-adapter.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import {
  newUser,
  type DayRow,
  type DefineOrm,
  type LedgerRow,
  type ModelLab,
  type SeatRow,
} from './orm-contract-tools.ts'

const uuid = '6fa459ea-ee8a-4ca4-894e-db77e160355e'

async function loaded<T>({ models }: ModelLab, references: readonly unknown[]): Promise<(T | null)[]> {
  return (await models.load(references, { missing: 'null', grace: 0 })) as (T | null)[]
}

/** Keys of every kind, in every form in which they may arrive. */
export function defineKeyTests(it: DefineOrm, dialect: SqlDialect): void {
  it('loads composite keys, each part in its place', async (lab) => {
    for (const [row, seat] of [
      [1, 'A'],
      [1, 'B'],
      [2, 'A'],
    ] as const) {
      await lab.create('Seat', { row, seat, holder: `${row}${seat}` })
    }
    const keys = [
      [2, 'A'],
      [1, 'B'],
      ['1', 'A'],
      [2, 'B'],
    ] as const
    const seats = await loaded<SeatRow>(
      lab,
      keys.map((key) => new ModelReference('shop.Seat', key)),
    )
    assert.deepEqual(
      seats.map((seat) => seat?.holder),
      ['2A', '1B', '1A', undefined],
    )
  })

  it('loads by a UUID, also as Python writes it', async (lab) => {
    const token = await lab.create('Token', { id: uuid, name: 'Ada' })
    const [sent] = lab.models.toReferences([token]) as unknown as [ModelReference]
    assert.deepEqual([sent.label, sent.key], ['shop.Token', uuid])
    const forms = dialect === 'postgres' ? [uuid, uuid.replaceAll('-', ''), uuid.toUpperCase()] : [uuid]
    const rows = await loaded<{ name: string }>(lab, [
      sent,
      ...forms.map((key) => new ModelReference('shop.Token', key)),
    ])
    for (const row of rows) assert.equal(row?.name, 'Ada')
    assert.equal(new Set(rows).size, 1)
  })

  it('loads by a BIGINT, exactly, in any form', async (lab) => {
    // drivers for SQLite give numbers
    const id = dialect === 'sqlite' ? 2n ** 52n : 2n ** 53n + 1n
    await lab.create('Ledger', { id: id - 1n, name: 'the one before' })
    const ledger = await lab.create('Ledger', { id, name: 'Ada' })
    assert.equal(String(ledger.id), String(id))
    const [sent] = lab.models.toReferences([ledger]) as unknown as [ModelReference]
    assert.equal(String(sent.key), String(id))
    const references = [sent, ...[id, String(id)].map((key) => new ModelReference('shop.Ledger', key))]
    const rows = await loaded<LedgerRow>(lab, references)
    for (const row of rows) assert.equal(row?.name, 'Ada')
    assert.equal(new Set(rows).size, 1)
  })

  it('loads by a DATE, as an instance has it and as Python writes it', async (lab) => {
    await lab.create('Day', { day: '2026-01-30', name: 'the day before' })
    const day = await lab.create('Day', { day: '2026-01-31', name: 'Ada' })
    const [sent] = lab.models.toReferences([day]) as unknown as [ModelReference]
    const rows = await loaded<DayRow>(lab, [sent, new ModelReference('shop.Day', '2026-01-31')])
    assert.deepEqual(
      rows.map((row) => row?.name),
      ['Ada', 'Ada'],
    )
  })

  it('takes a key as a value, never as a piece of a statement', async (lab) => {
    await newUser(lab, 'Ada')
    const missing = { missing: 'null', grace: 0 } as const
    for (const key of ['1 OR 1=1', "1' OR '1'='1", '1; DROP TABLE users', '1abc']) {
      const load = lab.models.load([new ModelReference('shop.User', key)], missing)
      // a database may refuse to compare such a key with a number
      assert.deepEqual(await load.catch((error: Error) => [error instanceof TypeError ? error : null]), [null])
    }
    assert.equal((await lab.findUser(1)).name, 'Ada')
  })
}
