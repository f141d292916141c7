import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Heap } from '../../../src/util/heap.ts'

describe('Heap', () => {
  it('gives its items in order, whatever is pushed and popped in between', () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('pop' as const)), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (actions) => {
        const heap = new Heap<number>((a, b) => a < b)
        let expected: number[] = []
        for (const action of actions) {
          if (action === 'pop') {
            assert.equal(heap.peek(), expected[0])
            assert.equal(heap.pop(), expected.shift())
          } else {
            heap.push(action)
            expected = [...expected, action].toSorted((a, b) => a - b)
          }
          assert.equal(heap.size, expected.length)
        }
        assert.deepEqual(
          heap.items().toSorted((a, b) => a - b),
          expected,
        )
        heap.clear()
        assert.equal(heap.pop(), undefined)
      }),
    )
  })
})
