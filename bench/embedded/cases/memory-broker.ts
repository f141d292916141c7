import { Child } from '../../lib/child.ts'
import { compare } from '../../lib/compare.ts'
import type { Case, Run } from '../../lib/suite.ts'
import { contestants } from '../../roles/contestants.ts'

const warmUp = 2000

export const memoryBroker: Case = {
  name: 'memory broker',
  async run(run) {
    const count = { 'celeriac-sqlite': 80_000 }
    return [
      ...(await compare(
        run,
        { 'memory broker, results awaited': { unit: 'tasks/s', atLeast: 40_000 } },
        contestants(run, count, async (_, tasks) => ({
          'memory broker, results awaited': await tasksASecond(run, tasks, true),
        })),
      )),
      ...(await compare(
        run,
        { 'memory broker, no results': { unit: 'tasks/s', atLeast: 40_000 } },
        contestants(run, count, async (_, tasks) => ({
          'memory broker, no results': await tasksASecond(run, tasks, false),
        })),
      )),
    ]
  },
}

async function tasksASecond(run: Run, count: number, withResults: boolean): Promise<number> {
  const script = new URL('../memory-process.ts', import.meta.url)
  const { profileFolder } = run
  await using child = await Child.start('memory broker', script, { withResults, profileFolder })
  await child.call('work', { count: warmUp })
  const ms = await child.call<number>('work', { count })
  await child.call('close')
  return count / (ms / 1000)
}
