import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Bag, type InBag } from '../../../src/util/bag.ts'

class Item implements InBag {
  bagIndex = -1
}

describe('a bag', () => {
  it('holds what was put in and not taken out, in whatever order that happens', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(20)))
    fc.assert(
      fc.property(steps, (sequence) => {
        const pool = Array.from({ length: 21 }, () => new Item())
        const bag = new Bag<Item>()
        const expected = new Set<Item>()
        for (const [adds, index] of sequence) {
          const item = pool[index] as Item
          if (!adds) {
            bag.delete(item)
            expected.delete(item)
          } else if (!expected.has(item)) {
            bag.add(item)
            expected.add(item)
          }
          assert.equal(bag.size, expected.size)
          assert.deepEqual(new Set(bag.items()), expected)
        }
      }),
    )
  })

  it('may lose its items while a copy is walked through', () => {
    const bag = new Bag<Item>()
    for (let n = 0; n < 10; n++) bag.add(new Item())
    for (const item of bag.items()) bag.delete(item)
    assert.equal(bag.size, 0)
  })
})
