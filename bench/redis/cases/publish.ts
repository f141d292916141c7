import { compare, type FigureOptions } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import {
  callAndAwait,
  publishConcurrently,
  publishMany,
  publishOneByOne,
  type Published,
} from '../../measurements/publishing.ts'
import type { PeerName } from '../../peers/open-peer.ts'
import { contestants } from '../../roles/contestants.ts'

/** Most of its CPU is that of the system calls, which all have. */
export const delayOneByOne: Case = publishing('delay one by one', { leastRatio: 1.3 }, publishOneByOne, {
  'celeriac-redis': 20_000,
  'raw-redis': 20_000,
  bullmq: 10_000,
  'bee-queue': 15_000,
})

export const delayConcurrently: Case = publishing(
  'delay, 100 in flight',
  { leastRatio: 1.5, mostCpu: 0.5 },
  publishConcurrently,
  {
    'celeriac-redis': 80_000,
    'raw-redis': 150_000,
    bullmq: 50_000,
    'bee-queue': 100_000,
  },
)

export const delayMany: Case = publishing('delayMany', { leastRatio: 2.5, mostCpu: 0.5 }, publishMany, {
  'celeriac-redis': 100_000,
  'raw-redis': 150_000,
  bullmq: 40_000,
  'bee-queue': 100_000,
})

export const delayAndGet: Case = {
  name: 'delay and get, 100 in flight',
  run(run) {
    const name = 'delay and get, 100 in flight'
    const counts = { 'celeriac-redis': 20_000, 'raw-redis': 30_000, bullmq: 6000, 'bee-queue': 30_000 }
    return compare(
      run,
      { [name]: { unit: 'tasks/s', ratios: { bullmq: 3 } } },
      contestants(run, counts, async (peer, count) => ({ [name]: await callAndAwait(run, peer, count) })),
    )
  },
}

function publishing(
  name: string,
  toBullmq: { readonly leastRatio: number; readonly mostCpu?: number },
  measure: (run: Run, peer: PeerName, count: number) => Promise<Published>,
  counts: Readonly<Partial<Record<PeerName, number>>>,
): Case {
  const speed: FigureOptions = { unit: 'tasks/s', ratios: { bullmq: toBullmq.leastRatio } }
  const { mostCpu } = toBullmq
  const cpu: FigureOptions = {
    unit: 's per 10,000 tasks',
    ratiosAtMost: mostCpu === undefined ? {} : { bullmq: mostCpu },
  }
  return {
    name,
    run: (run) =>
      compare(
        run,
        { [name]: speed, [`${name}: CPU of the producer`]: cpu },
        contestants(run, counts, async (peer, count) => {
          const { tasksASecond, producerCpuSecondsPer10000 } = await measure(run, peer, count)
          return { [name]: tasksASecond, [`${name}: CPU of the producer`]: producerCpuSecondsPer10000 }
        }),
      ),
  }
}
