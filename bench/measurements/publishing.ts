import type { Run } from '../lib/suite.ts'
import type { PeerName } from '../peers/open-peer.ts'
import type { ConsumerReport } from '../roles/consumer.ts'
import type { ProducerReport } from '../roles/producer.ts'
import { makeStore, startConsumer, startProducer } from '../roles/start-roles.ts'

/** Calls before the measurement, so that code is compiled and connections are open. */
const warmUp = 1000
const callSize = 500
const inFlight = 100

export interface Published {
  readonly tasksASecond: number
  readonly producerCpuSecondsPer10000: number
}

/** Each call awaited before the next. */
export function publishOneByOne(run: Run, peer: PeerName, count: number): Promise<Published> {
  return publish(run, peer, 'oneByOne', { count })
}

/** 100 calls in flight at any time. */
export function publishConcurrently(run: Run, peer: PeerName, count: number): Promise<Published> {
  return publish(run, peer, 'concurrently', { count, inFlight })
}

/** 500 tasks a call. */
export function publishMany(run: Run, peer: PeerName, count: number): Promise<Published> {
  return publish(run, peer, 'inCalls', { count, callSize })
}

/** Calls of one process with their results awaited, 100 in flight, while a worker in another runs them. */
export async function callAndAwait(run: Run, peer: PeerName, count: number): Promise<number> {
  const store = await makeStore(run, { withResults: true, awaitsResults: true })
  await using producer = await startProducer(run, peer, store)
  await using consumer = await startConsumer(run, peer, store, { concurrency: 100 })
  await consumer.call('start')
  await producer.call('roundTrips', { count: warmUp, inFlight })
  await consumer.call('expect', { count })
  const { ms } = await producer.call<ProducerReport>('roundTrips', { count, inFlight })
  await consumer.call<ConsumerReport>('finished')
  await consumer.call('close', { checkedIds: [] })
  await producer.call('close')
  return count / (ms / 1000)
}

async function publish(
  run: Run,
  peer: PeerName,
  command: string,
  argument: { readonly count: number; readonly inFlight?: number; readonly callSize?: number },
): Promise<Published> {
  await using producer = await startProducer(run, peer, await makeStore(run, { withResults: false }))
  await producer.call(command, { ...argument, count: warmUp })
  const { ms, cpuS } = await producer.call<ProducerReport>(command, argument)
  await producer.call('close')
  const { count } = argument
  return { tasksASecond: count / (ms / 1000), producerCpuSecondsPer10000: (cpuS / count) * 10_000 }
}
