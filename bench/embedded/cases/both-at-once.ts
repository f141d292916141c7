import { compare } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import type { PeerName } from '../../peers/open-peer.ts'
import type { ConsumerReport } from '../../roles/consumer.ts'
import { contestants } from '../../roles/contestants.ts'
import type { ProducerReport } from '../../roles/producer.ts'
import { makeStore, startConsumer, startProducer } from '../../roles/start-roles.ts'

export const bothAtOnce: Case = {
  name: 'produce and process at once',
  run(run) {
    const figure = 'produce and process at once'
    const counts = { 'celeriac-sqlite': 40_000, 'raw-sqlite': 80_000 }
    return compare(
      run,
      { [figure]: { unit: 'tasks/s' } },
      contestants(run, counts, async (peer, count) => ({ [figure]: await tasksASecond(run, peer, count) })),
    )
  },
}

/** From the first call of one process to the end of the last task in the other. */
async function tasksASecond(run: Run, peer: PeerName, count: number): Promise<number> {
  const store = await makeStore(run, { withResults: false })
  await using producer = await startProducer(run, peer, store)
  await using consumer = await startConsumer(run, peer, store, { concurrency: 100 })
  await consumer.call('expect', { count })
  await consumer.call('start')
  const { startedAtMs } = await producer.call<ProducerReport>('inCalls', { count, callSize: 100 })
  const { finishedAtMs } = await consumer.call<ConsumerReport>('finished')
  await consumer.call('close', { checkedIds: [] })
  await producer.call('close')
  return count / ((finishedAtMs - startedAtMs) / 1000)
}
