import { compare, type FigureOptions } from '../../lib/compare.ts'
import type { Case } from '../../lib/suite.ts'
import { idlePercent } from '../../measurements/idle.ts'
import { build, msUntilReady, type starts } from '../../measurements/worker-start.ts'
import { contestants, limitAsPeer } from '../../roles/contestants.ts'

export const idleWorker: Case = {
  name: 'idle worker',
  run: (run) =>
    compare(
      run,
      { 'idle worker': { unit: '% of a core', lessThan: 1 } },
      limitAsPeer(
        contestants(run, { 'celeriac-redis': 1, bullmq: 1, 'bee-queue': 1 }, async (peer) => ({
          'idle worker': await idlePercent(run, peer),
        })),
      ),
    ),
}

export const workerStart: Case = {
  name: 'worker start to ready',
  async run(run) {
    build(run)
    const rows = []
    for (const [figure, what, options] of startFigures) {
      const only = contestants(run, { 'celeriac-redis': 1 }, async () => ({
        [figure]: await msUntilReady(run, what, `redis://127.0.0.1:${run.redisPort}/0`),
      }))
      rows.push(...(await compare(run, { [figure]: options }, only)))
    }
    return rows
  },
}

const startFigures: readonly (readonly [string, keyof typeof starts, FigureOptions])[] = [
  ['node starts, for comparison', 'node', { unit: 'ms' }],
  ['worker start to ready, script', 'script', { unit: 'ms' }],
  ['worker start to ready, command line', 'command line', { unit: 'ms' }],
]
