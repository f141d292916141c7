import { compare } from '../../lib/compare.ts'
import { percentile } from '../../lib/statistics.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { contestants } from '../contestants.ts'
import type { PeerName } from '../peers/open-peer.ts'
import { makeStore, startConsumer, startProducer } from '../roles.ts'

const warmUp = 50
const intervalMs = 10

export const startLatency: Case = {
  name: 'start latency',
  run: (run) =>
    compare(
      run,
      { 'start latency p50': { unit: 'ms', lessThan: 3 }, 'start latency p99': { unit: 'ms' } },
      contestants(run, { celeriac: 300, 'raw-sqlite': 300, bullmq: 300 }, async (peer, count) => {
        const latencies = await latenciesMs(run, peer, count)
        return { 'start latency p50': percentile(latencies, 50), 'start latency p99': percentile(latencies, 99) }
      }).map((contestant) => (contestant.role === 'limit' ? { ...contestant, role: 'peer' as const } : contestant)),
    ),
}

/** From the call in one process to the start of the handler in an idle worker of another. */
async function latenciesMs(run: Run, peer: PeerName, count: number): Promise<readonly number[]> {
  const store = await makeStore(run, false)
  await using producer = await startProducer(run, peer, store)
  await using consumer = await startConsumer(run, peer, store, { concurrency: 10, isStamped: true })
  await consumer.call('expect', { count: warmUp })
  await consumer.call('start')
  await producer.call('paced', { count: warmUp, intervalMs })
  await consumer.call('finished')
  await consumer.call('expect', { count })
  await producer.call('paced', { count, intervalMs })
  await consumer.call('finished')
  const latencies = await consumer.call<readonly number[]>('latencies')
  await consumer.call('close', { checkedIds: [] })
  await producer.call('close')
  return latencies
}
