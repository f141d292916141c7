import type { Run } from '../lib/suite.ts'
import type { PeerName } from '../peers/open-peer.ts'
import { makeStore, startConsumer, startProducer } from '../roles/start-roles.ts'

/** A second, in which code is compiled and threads start. */
const warmUp = 100
const intervalMs = 10

/** From the call in one process to the start of the handler in an idle worker of another. */
export async function startLatenciesMs(run: Run, peer: PeerName, count: number): Promise<readonly number[]> {
  const store = await makeStore(run, { withResults: false })
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
