import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Subscription } from '../../src/brokers/broker.ts'
import { openMemoryBroker } from '../../src/brokers/memory.ts'
import { describeBroker } from './broker-contract.ts'
import { Inbox, text, to } from './broker-contract-tools.ts'
import { sleep } from './contract.ts'

describeBroker('memory broker', async () => {
  const url = `memory:${randomUUID()}`
  const broker = openMemoryBroker(url)
  return {
    broker,
    dispose: async () => await broker[Symbol.asyncDispose](),
    reopen: async () => openMemoryBroker(url),
  }
})

describe('memory broker: turns', () => {
  it('waits for the far future without a timer that overflows', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', onWarning)
    await using broker = openMemoryBroker('memory:')
    await broker.subscribe(['q'], () => assert.fail('too early'), { prefetch: 1 })
    await broker.publish([{ queue: 'q', message: text('a'), deliverAt: new Date('3026-01-01') }])
    await sleep(30)
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [])
  })

  it('delivers nothing to a subscription that another one paused in the same turn', async () => {
    await using broker = openMemoryBroker('memory:')
    const second = new Inbox()
    const subscriptions: Subscription[] = []
    const pausesAll = (): void => void Promise.all(subscriptions.map((subscription) => subscription.pause()))
    subscriptions.push(await broker.subscribe(['a'], pausesAll, { prefetch: 1 }))
    subscriptions.push(await broker.subscribe(['b'], second.onDeliveries, { prefetch: 1 }))
    await broker.publish([...to('a', '1'), ...to('b', '2')])
    await second.staysAt(0, 30)
    assert.equal(await broker.count('b'), 1)
  })
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
    const three = openMemoryBroker('memory:counted')
    assert.deepEqual([await two.count('q'), await three.count('q')], [1, 1])
    await three[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
    await using anew = openMemoryBroker('memory:counted')
    assert.equal(await anew.count('q'), 0)
  })
})
