import { compare, type FigureOptions, type Figures } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { processFilledQueue } from '../../measurements/processing.ts'
import type { PeerName } from '../../peers/open-peer.ts'
import { contestants } from '../../roles/contestants.ts'

const counts = { 'celeriac-sqlite': 60_000, 'raw-sqlite': 120_000, plainjob: 20_000, bullmq: 40_000 } as const
const concurrency = 100

export const processWithoutResults: Case = {
  name: 'process, no results',
  run: (run) => compareProcessing(run, 'process, no results', { 'raw-sqlite': 0.4, plainjob: 2, bullmq: 2 }, false),
}

/** The limit is the raw loop that stores no results; the loop that does is another row. */
export const processWithResults: Case = {
  name: 'process, with results',
  run: (run) => compareProcessing(run, 'process, with results', { 'raw-sqlite': 0.25, plainjob: 2, bullmq: 2 }, true),
}

function compareProcessing(
  run: Run,
  figure: string,
  ratios: NonNullable<FigureOptions['ratios']>,
  withResults: boolean,
): ReturnType<Case['run']> {
  const measure =
    (keepsResults: (peer: PeerName) => boolean) =>
    async (peer: PeerName, count: number): Promise<Figures<string>> => {
      const options = { count, concurrency, withResults: keepsResults(peer) }
      return { [figure]: (await processFilledQueue(run, peer, options)).tasksASecond }
    }
  const all = contestants(
    run,
    counts,
    measure((peer) => withResults && peer !== 'raw-sqlite'),
  )
  if (withResults) {
    const [raw] = contestants(
      run,
      { 'raw-sqlite': counts['raw-sqlite'] },
      measure(() => true),
    )
    if (raw) all.push({ ...raw, peer: 'raw-sqlite, with results', role: 'peer' })
  }
  return compare(run, { [figure]: { unit: 'tasks/s', ratios } }, all)
}
