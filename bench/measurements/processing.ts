import type { Run } from '../lib/suite.ts'
import type { PeerName } from '../peers/open-peer.ts'
import type { Store } from '../peers/peer.ts'
import type { ConsumerReport } from '../roles/consumer.ts'
import type { ProducerReport } from '../roles/producer.ts'
import { makeStore, startConsumer, startProducer } from '../roles/start-roles.ts'

export interface ProcessingOptions {
  readonly count: number
  readonly concurrency: number
  readonly withResults: boolean
  readonly python?: string | undefined
}

export interface Processed {
  readonly tasksASecond: number
  readonly workerCpuSecondsPer10000: number
}

/** A queue that another process filled, from the start of consumption to the end of the last task. */
export async function processFilledQueue(
  run: Run,
  peer: PeerName,
  { count, concurrency, withResults, python }: ProcessingOptions,
): Promise<Processed> {
  const store = await makeStore(run, { withResults, python })
  const checkedIds = await fill(run, peer, store, count)
  await using consumer = await startConsumer(run, peer, store, { concurrency })
  await consumer.call('expect', { count })
  const startedAtMs = await consumer.call<number>('start')
  const { finishedAtMs, cpuS } = await consumer.call<ConsumerReport>('finished')
  await consumer.call('close', { checkedIds: withResults ? checkedIds : [] })
  return {
    tasksASecond: count / ((finishedAtMs - startedAtMs) / 1000),
    workerCpuSecondsPer10000: (cpuS / count) * 10_000,
  }
}

async function fill(run: Run, peer: PeerName, store: Store, count: number): Promise<readonly string[]> {
  await using producer = await startProducer(run, peer, store)
  const { checkedIds } = await producer.call<ProducerReport>('inCalls', { count, callSize: 500 })
  await producer.call('close')
  return checkedIds
}
