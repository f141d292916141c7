import { pythonPeer } from '../../../test/services.ts'
import { compare, type FigureOptions } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { processFilledQueue } from '../../measurements/processing.ts'
import { contestants } from '../../roles/contestants.ts'

const counts = { 'celeriac-redis': 200_000, 'raw-redis': 250_000, bullmq: 60_000, 'bee-queue': 80_000 } as const
const pythonCount = 4000

const cpu: FigureOptions = { unit: 's per 10,000 tasks', ratiosAtMost: { bullmq: 0.5 } }

export const processWithResults: Case = processing('process, with results', 100, true)
export const processWithoutResults: Case = processing('process, no results', 100, false)

export const processAtConcurrencyOne: Case = {
  name: 'process, concurrency 1',
  run: (run) =>
    compare(
      run,
      { 'process, concurrency 1': { unit: 'tasks/s', ratios: { bullmq: 2 } } },
      contestants(
        run,
        { 'celeriac-redis': 80_000, 'raw-redis': 120_000, bullmq: 10_000, 'bee-queue': 10_000 },
        async (peer, count) => {
          const options = { count, concurrency: 1, withResults: true }
          return { 'process, concurrency 1': (await processFilledQueue(run, peer, options)).tasksASecond }
        },
      ),
    ),
}

function processing(name: string, concurrency: number, withResults: boolean): Case {
  const speed: FigureOptions = {
    unit: 'tasks/s',
    // bee-queue keeps no results: beside one who keeps them, it does less.
    ratios: { bullmq: 2.5, 'raw-redis': 0.5, 'python-celery': 20, ...(withResults ? {} : { 'bee-queue': 2 }) },
  }
  return {
    name,
    async run(run) {
      const python = await findPython(run)
      const all = python === undefined ? counts : { ...counts, 'python-celery': pythonCount }
      const measured = contestants(run, all, async (peer, count) => {
        const options = { count, concurrency, withResults, python }
        const { tasksASecond, workerCpuSecondsPer10000 } = await processFilledQueue(run, peer, options)
        if (peer === 'python-celery') return { [name]: tasksASecond }
        return { [name]: tasksASecond, [`${name}: CPU of the worker`]: workerCpuSecondsPer10000 }
      })
      return compare(run, { [name]: speed, [`${name}: CPU of the worker`]: cpu }, measured)
    },
  }
}

/** An interpreter with Celery, where it is wanted and can be had. */
async function findPython(run: Run): Promise<string | undefined> {
  if (run.peers && !run.peers.has('python-celery')) return undefined
  const peer = await pythonPeer()
  if ('python' in peer) return peer.python
  run.progress(`${peer.missing}: its rows are left out`)
  return undefined
}
