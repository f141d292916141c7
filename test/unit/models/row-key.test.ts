import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyProblem, keyText } from '../../../src/app/row-key.ts'

describe('keyText', () => {
  it('is one text for every form of a key', () => {
    const same = [
      [9007199254740993n, '9007199254740993'],
      [7, '7', 7n],
      ['6B8D1B1E-6E3D-4C57-9BB5-2F3E0C9F2A11', '6b8d1b1e6e3d4c579bb52f3e0c9f2a11'],
      [new Date(0), '1970-01-01T00:00:00.000Z'],
      [
        [1, 'a'],
        ['1', 'a'],
      ],
    ] as const
    for (const forms of same) assert.equal(new Set(forms.map((form) => keyText(form))).size, 1, String(forms[0]))
  })

  it('tells different keys apart', () => {
    const texts = ['1', '01', 'a,b', ['a', 'b'], ['a,b'], [['a'], 'b'].flat(), Buffer.from([1]), 'A', 'a'].map((key) =>
      keyText(key),
    )
    assert.equal(new Set(texts).size, texts.length - 1)
  })
})

describe('keyProblem', () => {
  it('accepts what can travel', () => {
    for (const key of [1, 'x', 2n ** 64n, true, new Date(0), new Uint8Array(2)])
      assert.equal(keyProblem(key, ['id']), undefined)
    assert.equal(keyProblem([1, 'x'], ['a', 'b']), undefined)
    assert.equal(keyProblem([1, 'x'], undefined), undefined)
  })

  it('refuses what is no key, or not one of that model', () => {
    for (const key of [undefined, null, Number.NaN, {}, new Date(Number.NaN), [], [null]]) {
      assert.match(String(keyProblem(key, ['id'])), /not made of/)
    }
    assert.match(String(keyProblem(1, ['row', 'seat'])), /1 parts instead of 2 \(row, seat\)/)
  })
})
