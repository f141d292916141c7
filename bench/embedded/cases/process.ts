import { compare, type FigureOptions } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { contestants } from '../contestants.ts'
import type { PeerName } from '../peers/open-peer.ts'
import { makeStore, startConsumer, startProducer } from '../roles.ts'

const counts = { celeriac: 60_000, 'raw-sqlite': 120_000, plainjob: 20_000, bullmq: 40_000 } as const

export const processWithoutResults: Case = {
  name: 'process, no results',
  run: (run) => compareProcessing(run, 'process, no results', { 'raw-sqlite': 0.4, plainjob: 2, bullmq: 2 }, false),
}

/** The limit is the raw loop that stores no results; the loop that does is another row. */
export const processWithResults: Case = {
  name: 'process, with results',
  run: (run) => compareProcessing(run, 'process, with results', { 'raw-sqlite': 0.25, plainjob: 2, bullmq: 2 }, true),
}

function compareProcessing<Figure extends string>(
  run: Run,
  figure: Figure,
  ratios: NonNullable<FigureOptions['ratios']>,
  withResults: boolean,
): ReturnType<Case['run']> {
  const measure =
    (keepsResults: (peer: PeerName) => boolean) =>
    async (peer: PeerName, count: number): Promise<Record<Figure, number>> =>
      ({ [figure]: await tasksASecond(run, peer, count, keepsResults(peer)) }) as Record<Figure, number>
  const all = contestants<Figure>(
    run,
    counts,
    measure((peer) => withResults && peer !== 'raw-sqlite'),
  )
  if (withResults) {
    const [raw] = contestants<Figure>(
      run,
      { 'raw-sqlite': counts['raw-sqlite'] },
      measure(() => true),
    )
    if (raw) all.push({ ...raw, peer: 'raw-sqlite, with results', role: 'peer' })
  }
  return compare(run, { [figure]: { unit: 'tasks/s', ratios } } as Record<Figure, FigureOptions>, all)
}

/** A queue that another process filled, from the start of consumption to the end of the last task. */
async function tasksASecond(run: Run, peer: PeerName, count: number, withResults: boolean): Promise<number> {
  const store = await makeStore(run, withResults)
  const checkedIds = await fill(run, peer, store, count)
  await using consumer = await startConsumer(run, peer, store, { concurrency: 100 })
  await consumer.call('expect', { count })
  const startedAtMs = await consumer.call<number>('start')
  const finishedAtMs = await consumer.call<number>('finished')
  await consumer.call('close', { checkedIds: withResults ? checkedIds : [] })
  return count / ((finishedAtMs - startedAtMs) / 1000)
}

async function fill(
  run: Run,
  peer: PeerName,
  store: Parameters<typeof startProducer>[2],
  count: number,
): Promise<readonly string[]> {
  await using producer = await startProducer(run, peer, store)
  const { checkedIds } = await producer.call<{ checkedIds: readonly string[] }>('inCalls', { count, callSize: 500 })
  await producer.call('close')
  return checkedIds
}
