import { setTimeout as pause } from 'node:timers/promises'
import { compare } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { contestants } from '../contestants.ts'
import type { PeerName } from '../peers/open-peer.ts'
import { makeStore, startConsumer, startProducer } from '../roles.ts'

const settleMs = 1500
const measuredMs = 5000

export const idleWorker: Case = {
  name: 'idle worker',
  run: (run) =>
    compare(
      run,
      { 'idle worker': { unit: '% of a core', lessThan: 1 } },
      contestants(run, { celeriac: 1 }, async (peer) => ({ 'idle worker': await idlePercent(run, peer) })),
    ),
}

/** The CPU of a worker that has worked and has nothing to do now. */
async function idlePercent(run: Run, peer: PeerName): Promise<number> {
  const store = await makeStore(run, false)
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
  return ((after - before) / 1000 / measuredMs) * 100
}
