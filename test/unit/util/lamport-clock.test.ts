import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LamportClock } from '../../../src/util/lamport-clock.ts'

describe('the logical clock', () => {
  it('counts what happens here', () => {
    const clock = new LamportClock()
    assert.deepEqual([clock.forward(), clock.forward(), clock.value], [1, 2, 2])
  })

  it('is past whatever it has heard of', () => {
    const clock = new LamportClock(10)
    assert.equal(clock.adjust(40), 41)
    assert.equal(clock.adjust(3), 42)
  })

  it('is not moved by what is no count', () => {
    const clock = new LamportClock(5)
    for (const other of [undefined, null, '7', Number.NaN, 1.5, 1e300]) clock.adjust(other)
    assert.equal(clock.value, 5)
  })
})
