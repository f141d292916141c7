import { compare } from '../../lib/compare.ts'
import type { Case } from '../../lib/suite.ts'
import { idlePercent } from '../../measurements/idle.ts'
import { contestants } from '../../roles/contestants.ts'

export const idleWorker: Case = {
  name: 'idle worker',
  run: (run) =>
    compare(
      run,
      { 'idle worker': { unit: '% of a core', lessThan: 1 } },
      contestants(run, { 'celeriac-sqlite': 1 }, async (peer) => ({ 'idle worker': await idlePercent(run, peer) })),
    ),
}
