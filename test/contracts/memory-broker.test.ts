import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { openMemoryBroker } from '../../src/brokers/memory.ts'
import { describeBroker } from './broker-contract.ts'
import { text, to } from './broker-contract-tools.ts'

describeBroker('memory broker', async () => {
  const url = `memory:${randomUUID()}`
  const broker = openMemoryBroker(url)
  return {
    broker,
    dispose: async () => await broker[Symbol.asyncDispose](),
    reopen: async () => openMemoryBroker(url),
  }
})

describe('memory broker: names', () => {
  it('is a broker of its own without a name', async () => {
    await using one = openMemoryBroker('memory:')
    await using two = openMemoryBroker('memory://')
    await one.publish(to('q', 'a'))
    assert.equal(await two.count('q'), 0)
  })

  it('is shared by all that open the same name, however it is written', async () => {
    await using one = openMemoryBroker('memory:shared')
    await using two = openMemoryBroker('memory://shared')
    await using other = openMemoryBroker('memory:other')
    await one.publish(to('q', 'a'))
    assert.deepEqual([await two.count('q'), await other.count('q')], [1, 0])
  })

  it('lives until the last broker of the name is disposed of', async () => {
    const one = openMemoryBroker('memory:counted')
    const two = openMemoryBroker('memory:counted')
    await one.publish([{ queue: 'q', message: text('a') }])
    await one[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    assert.equal(await two.count('q'), 1)
    await two[Symbol.asyncDispose]()
    await using anew = openMemoryBroker('memory:counted')
    assert.equal(await anew.count('q'), 0)
  })
})
