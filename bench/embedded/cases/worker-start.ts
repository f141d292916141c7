import { compare, type FigureOptions } from '../../lib/compare.ts'
import type { Case } from '../../lib/suite.ts'
import { build, msUntilReady, type starts } from '../../measurements/worker-start.ts'
import { contestants } from '../../roles/contestants.ts'

export const workerStart: Case = {
  name: 'worker start to ready',
  async run(run) {
    build(run)
    const rows = []
    for (const [figure, what, options] of figures) {
      const only = contestants(run, { 'celeriac-sqlite': 1 }, async () => ({
        [figure]: await msUntilReady(run, what, 'sqlite:./celeriac.db'),
      }))
      rows.push(...(await compare(run, { [figure]: options }, only)))
    }
    return rows
  },
}

const figures: readonly (readonly [string, keyof typeof starts, FigureOptions])[] = [
  ['node starts, for comparison', 'node', { unit: 'ms' }],
  ['worker start to ready, script', 'script', { unit: 'ms', lessThan: 300 }],
  ['worker start to ready, command line', 'command line', { unit: 'ms', lessThan: 300 }],
]
