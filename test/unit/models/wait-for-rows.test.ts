import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNewer, waitForRows, type WaitOptions } from '../../../src/app/wait-for-rows.ts'
import { RowNotYetVisible } from '../../../src/errors.ts'
import { ModelReference } from '../../../src/protocol/model-reference.ts'

interface Row {
  readonly id: number
  readonly v: number
}

/** Wants row 1 in version 2 from a replica and a primary that hold what the test says. */
async function waitFor(
  held: { readonly replica?: Row; readonly primary?: Row },
  options: Partial<WaitOptions> = {},
): Promise<{ readonly row: object | undefined; readonly asked: string[]; readonly gone: number }> {
  const asked: string[] = []
  let gone = 0
  const rows = await waitForRows(new Map([['1', new ModelReference('shop.User', 1, { v: 2 })]]), {
    read: async (_keys, primary) => {
      asked.push(primary ? 'primary' : 'replica')
      const row = primary ? held.primary : held.replica
      return new Map(row ? [['1', row]] : [])
    },
    versionOf: (row) => (row as Row).v,
    primary: false,
    acceptsOlder: false,
    visibleBy: () => 0,
    onGone: (references) => (gone += references.length),
    signal: undefined,
    ...options,
  })
  return { row: rows.get('1'), asked, gone }
}

const old = { id: 1, v: 1 }
const current = { id: 1, v: 2 }

describe('waitForRows', () => {
  it('takes a row of the replica that is as new as at the call', async () => {
    const { row, asked } = await waitFor({ replica: current })
    assert.equal(row, current)
    assert.deepEqual(asked, ['replica'])
  })

  it('asks the primary at once for what the replica has not, or has in an older version', async () => {
    for (const held of [{ primary: current }, { replica: old, primary: current }]) {
      const { row, asked } = await waitFor(held)
      assert.equal(row, current)
      assert.deepEqual(asked, ['replica', 'primary'])
    }
  })

  it('calls a row gone only when the primary has it not', async () => {
    const { row, asked, gone } = await waitFor({})
    assert.equal(row, undefined)
    assert.deepEqual(asked, ['replica', 'primary'])
    assert.equal(gone, 1)
  })

  it('never gives a row that is older than at the call', async () => {
    await assert.rejects(waitFor({ replica: old, primary: old }), RowNotYetVisible)
  })

  it('gives an older row to those who accept it', async () => {
    assert.equal((await waitFor({ replica: old }, { acceptsOlder: true })).row, old)
  })

  it('reads once more after the grace has passed', async () => {
    const visibleBy = Date.now() + 40
    const { asked } = await waitFor({}, { primary: true, visibleBy: () => visibleBy })
    assert.ok(asked.length >= 2, String(asked.length))
  })

  it('waits no longer for a read that hangs when it is told to stop, whatever becomes of the read', async () => {
    for (const isLate of [true, false]) {
      const stop = new AbortController()
      const read = Promise.withResolvers<never>()
      if (!isLate) stop.abort(new Error('stopped'))
      const waiting = waitFor({}, { read: () => read.promise, signal: stop.signal })
      if (isLate) stop.abort(new Error('stopped'))
      await assert.rejects(waiting, /stopped/)
      read.reject(new Error('the connection is gone'))
    }
  })

  it('fails as the read does', async () => {
    const read = (): Promise<never> => Promise.reject(new Error('the connection is gone'))
    await assert.rejects(waitFor({}, { read, signal: new AbortController().signal }), /the connection is gone/)
  })
})

describe('isNewer', () => {
  it('compares numbers as numbers and times as times', () => {
    assert.equal(isNewer(10, 9), true)
    assert.equal(isNewer(9, 9), false)
    assert.equal(isNewer('2026-01-01T00:00:00.001Z', '2026-01-01T01:00:00+01:00'), true)
    assert.equal(isNewer('2026-01-01T00:00:00Z', '2026-01-01T01:00:00+01:00'), false)
  })

  it('says no where there is nothing to compare', () => {
    assert.equal(isNewer(undefined, 1), false)
    assert.equal(isNewer(1, undefined), false)
    assert.equal(isNewer('gibberish', 1), false)
  })
})
