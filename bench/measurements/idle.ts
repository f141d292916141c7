import { setTimeout as pause } from 'node:timers/promises'
import type { Run } from '../lib/suite.ts'
import type { PeerName } from '../peers/open-peer.ts'
import { makeStore, startConsumer, startProducer } from '../roles/start-roles.ts'

const settleMs = 1500
const measuredMs = 5000

/** The CPU, in percent of a core, of a worker that has worked and has nothing to do now. */
export async function idlePercent(run: Run, peer: PeerName): Promise<number> {
  const store = await makeStore(run, { withResults: false })
  await using producer = await startProducer(run, peer, store)
  await using consumer = await startConsumer(run, peer, store, { concurrency: 10 })
  await consumer.call('expect', { count: 100 })
  await consumer.call('start')
  await producer.call('oneByOne', { count: 100 })
  await consumer.call('finished')
  await pause(settleMs)
  const before = await consumer.call<number>('cpu')
  await pause(measuredMs)
  const after = await consumer.call<number>('cpu')
  await consumer.call('close', { checkedIds: [] })
  await producer.call('close')
  return ((after - before) / (measuredMs / 1000)) * 100
}
