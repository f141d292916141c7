import { compare } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { contestants } from '../contestants.ts'
import type { PeerName } from '../peers/open-peer.ts'
import { makeStore, startProducer } from '../roles.ts'

/** Calls before the measurement, so that code is compiled and connections are open. */
const warmUp = 1000

export const delayOneByOne: Case = {
  name: 'delay one by one',
  run(run) {
    const counts = { celeriac: 20_000, 'raw-sqlite': 40_000, plainjob: 40_000, bullmq: 10_000 }
    return compare(
      run,
      { 'delay one by one': { unit: 'tasks/s', ratios: { 'raw-sqlite': 0.5 } } },
      contestants(run, counts, async (peer, count) => ({ 'delay one by one': await oneByOne(run, peer, count) })),
    )
  },
}

export const delayMany: Case = {
  name: 'delayMany',
  run(run) {
    const counts = { celeriac: 100_000, 'raw-sqlite': 200_000, plainjob: 200_000, bullmq: 50_000 }
    return compare(
      run,
      { delayMany: { unit: 'tasks/s' } },
      contestants(run, counts, async (peer, count) => ({ delayMany: await inCallsOf500(run, peer, count) })),
    )
  },
}

async function oneByOne(run: Run, peer: PeerName, count: number): Promise<number> {
  await using producer = await startProducer(run, peer, await makeStore(run, false))
  await producer.call('oneByOne', { count: warmUp })
  const ms = await producer.call<number>('oneByOne', { count })
  await producer.call('close')
  return count / (ms / 1000)
}

async function inCallsOf500(run: Run, peer: PeerName, count: number): Promise<number> {
  await using producer = await startProducer(run, peer, await makeStore(run, false))
  await producer.call('inCalls', { count: warmUp, callSize: 500 })
  const { ms } = await producer.call<{ ms: number }>('inCalls', { count, callSize: 500 })
  await producer.call('close')
  return count / (ms / 1000)
}
