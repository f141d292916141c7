import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyPart, keyValue, type KeyKind } from '../../../src/orms/key-values.ts'
import type { KeyPart } from '../../../src/protocol/model-reference.ts'

const uuid = '6fa459ea-ee8a-4ca4-894e-db77e160355e'
const day = new Date('2026-01-31T00:00:00Z')

const accepted: readonly (readonly [KeyKind, KeyPart, KeyPart])[] = [
  ['int32', '42', 42],
  ['int32', -7n, -7],
  ['integer', 2 ** 40, 2 ** 40],
  ['bigint', '9007199254740993', 9007199254740993n],
  ['bigint', 5, 5n],
  ['uuid', uuid, uuid],
  ['uuid', uuid.replaceAll('-', ''), uuid.replaceAll('-', '')],
  ['text', 42, '42'],
  ['date', '2026-01-31', day],
  ['day', day, day],
  ['any', true, true],
]

const refused: readonly (readonly [KeyKind, KeyPart])[] = [
  ['int32', 2 ** 31],
  ['int32', '1 OR 1=1'],
  ['int32', 1.5],
  ['int32', ''],
  ['integer', 2n ** 60n],
  ['bigint', '1abc'],
  ['bigint', 2n ** 63n],
  ['bigint', day],
  ['uuid', 'ada'],
  ['uuid', 1],
  ['text', day],
  ['date', 'yesterday'],
  ['day', 5],
]

describe('the values of keys', () => {
  it('are what their column takes, whatever the form in which they come', () => {
    for (const [kind, part, value] of accepted) assert.deepEqual(keyValue(kind, part), value)
  })

  it('are none where no row can have such a key', () => {
    for (const [kind, part] of refused) assert.equal(keyValue(kind, part), undefined, `${kind} ${String(part)}`)
  })

  it('travel as Python writes days', () => {
    assert.equal(keyPart('day', day), '2026-01-31')
    assert.equal(keyPart('date', day), day)
    assert.equal(keyPart('day', '2026-01-31'), '2026-01-31')
  })
})
