import { compare } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { contestants } from '../contestants.ts'
import type { PeerName } from '../peers/open-peer.ts'
import { makeStore, startConsumer, startProducer } from '../roles.ts'

export const bothAtOnce: Case = {
  name: 'produce and process at once',
  run(run) {
    const figure = 'produce and process at once'
    const counts = { celeriac: 40_000, 'raw-sqlite': 80_000 }
    return compare(
      run,
      { [figure]: { unit: 'tasks/s' } },
      contestants(run, counts, async (peer, count) => ({ [figure]: await tasksASecond(run, peer, count) })),
    )
  },
}

/** From the first call of one process to the end of the last task in the other. */
async function tasksASecond(run: Run, peer: PeerName, count: number): Promise<number> {
  const store = await makeStore(run, false)
  await using producer = await startProducer(run, peer, store)
  await using consumer = await startConsumer(run, peer, store, { concurrency: 100 })
  await consumer.call('expect', { count })
  await consumer.call('start')
  const { startedAtMs } = await producer.call<{ startedAtMs: number }>('inCalls', { count, callSize: 100 })
  const finishedAtMs = await consumer.call<number>('finished')
  await consumer.call('close', { checkedIds: [] })
  await producer.call('close')
  return count / ((finishedAtMs - startedAtMs) / 1000)
}
