import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DeliveryWindow } from '../../../src/worker/delivery-window.ts'

function sizeAfter(runtimesMs: readonly number[], concurrency: number, multiplier = 4): number {
  const window = new DeliveryWindow(concurrency, multiplier)
  for (const runtimeMs of runtimesMs) window.observe(runtimeMs)
  return window.size
}

describe('how many deliveries a worker holds', () => {
  it('is one for each slot until something is known of the tasks, and while they are long', () => {
    assert.equal(sizeAfter([], 10), 10)
    assert.equal(sizeAfter([200], 10), 10)
  })

  it('follows the multiplier for short tasks', () => {
    assert.equal(sizeAfter([20], 10), 40)
    assert.equal(sizeAfter([20], 10, 1), 10)
  })

  it('is about what is done in 50 ms for very short ones, up to a bound', () => {
    assert.equal(sizeAfter([1], 1), 32)
    assert.equal(sizeAfter([0.5], 2), 128)
    assert.equal(sizeAfter([0.001], 100), 400)
    assert.equal(sizeAfter([0], 1), 256)
  })

  it('keeps what is asked for by the multiplier, however much that is', () => {
    assert.equal(sizeAfter([0.001], 1000), 4000)
  })

  it('says when it has changed', () => {
    const window = new DeliveryWindow(10, 4)
    assert.equal(window.observe(20), true)
    assert.equal(window.observe(20), false)
    assert.equal(window.observe(19), false)
  })
})
