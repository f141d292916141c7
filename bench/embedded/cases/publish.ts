import { compare } from '../../lib/compare.ts'
import type { Case } from '../../lib/suite.ts'
import { publishMany, publishOneByOne } from '../../measurements/publishing.ts'
import { contestants } from '../../roles/contestants.ts'

export const delayOneByOne: Case = {
  name: 'delay one by one',
  run(run) {
    const counts = { 'celeriac-sqlite': 20_000, 'raw-sqlite': 40_000, plainjob: 40_000, bullmq: 10_000 }
    return compare(
      run,
      { 'delay one by one': { unit: 'tasks/s', ratios: { 'raw-sqlite': 0.5 } } },
      contestants(run, counts, async (peer, count) => ({
        'delay one by one': (await publishOneByOne(run, peer, count)).tasksASecond,
      })),
    )
  },
}

export const delayMany: Case = {
  name: 'delayMany',
  run(run) {
    const counts = { 'celeriac-sqlite': 100_000, 'raw-sqlite': 200_000, plainjob: 200_000, bullmq: 50_000 }
    return compare(
      run,
      { delayMany: { unit: 'tasks/s' } },
      contestants(run, counts, async (peer, count) => ({
        delayMany: (await publishMany(run, peer, count)).tasksASecond,
      })),
    )
  },
}
