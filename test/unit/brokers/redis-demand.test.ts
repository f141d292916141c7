import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RedisDemand } from '../../../src/brokers/redis-demand.ts'

/** A take of all that is wanted, which finds `count`. */
function take(demand: RedisDemand, count: number): void {
  const { wanted } = demand
  demand.asked(wanted)
  demand.answered()
  demand.found(count, wanted)
}

describe('how many messages a subscription of Redis asks for', () => {
  it('is as many as slots are free, of which one take is on its way', () => {
    const demand = new RedisDemand(100)
    demand.occupy(30)
    assert.equal(demand.wanted, 70)
    demand.asked(70)
    assert.equal(demand.wanted, 0)
  })

  it('is an eighth of the slots while there is more, and a second take is for a whole step', () => {
    const demand = new RedisDemand(400)
    take(demand, 400)
    assert.equal(demand.isFull, true)
    demand.occupy(-90)
    assert.equal(demand.wanted, 50)
    demand.asked(50)
    assert.equal(demand.wanted, 0, '40 are free: less than a step')
    demand.occupy(-10)
    assert.equal(demand.wanted, 50)
    demand.asked(50)
    demand.occupy(-200)
    assert.equal(demand.wanted, 0, 'two are on their way')
  })

  it('counts what a take did not find as free', () => {
    const demand = new RedisDemand(10)
    take(demand, 4)
    assert.equal(demand.isFull, false)
    assert.equal(demand.wanted, 6)
  })

  it('leaves half of the slots to takes of many', () => {
    const demand = new RedisDemand(4)
    demand.occupy(1)
    assert.equal(demand.mayWaitForOne, true)
    demand.occupy(1)
    assert.equal(demand.mayWaitForOne, false)
  })

  it('is no more than a thousand, and none where fewer are wanted than are lent', () => {
    assert.equal(new RedisDemand(5000).wanted, 1000)
    const demand = new RedisDemand(10)
    take(demand, 10)
    demand.prefetch = 4
    assert.ok(demand.wanted <= 0)
  })
})
