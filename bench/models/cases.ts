import path from 'node:path'
import { service, testDatabase } from '../../test/services.ts'
import { Child } from '../lib/child.ts'
import { compare, type Contestant } from '../lib/compare.ts'
import type { Case, Run } from '../lib/suite.ts'
import type { Kind } from './process.ts'
import type { Database } from './user.ts'

const script = new URL('./process.ts', import.meta.url)
/** Long enough for both contestants to be compiled: what is measured is the steady state of a worker. */
const warmUp = 15_000
const contestants: readonly (readonly [peer: string, kind: Kind, role: 'ours' | 'peer'])[] = [
  ['model', 'model', 'ours'],
  ['id and findOne', 'id', 'peer'],
]

/** `leastRatio`: of the speed with a model to that with an id. At most 1.35 times the cost is at least 0.74 of the speed. */
export function modelArgument(database: Database, concurrency: number, count: number, leastRatio: number): Case {
  const name = `one model, ${database}, concurrency ${concurrency}`
  return {
    name,
    async run(run) {
      await using place = await openPlace(run, database)
      if (!place) return []
      const competing = contestants.map(([peer, kind, role]): Contestant<string> => ({
        peer,
        role,
        measure: async () => ({
          [name]: await tasksASecond({ run, database, url: place.url, concurrency, kind, count }),
        }),
      }))
      return await compare(run, { [name]: { unit: 'tasks/s', ratios: { 'id and findOne': leastRatio } } }, competing)
    },
  }
}

export const encoding: Case = {
  name: 'call without models',
  async run(run) {
    const url = path.join(await run.makeFolder(), 'rows.db')
    const measure = async (): Promise<Readonly<Record<string, number>>> => {
      await using child = await Child.start('calls', script, { database: 'sqlite', url, concurrency: 1 })
      const us = await child.call<number>('encode', { count: Math.round(500_000 * run.size) })
      await child.call('close')
      return { 'added to a call without models': us }
    }
    return compare(run, { 'added to a call without models': { unit: 'µs', lessThan: 2 } }, [
      { peer: 'model', role: 'ours', measure },
    ])
  },
}

interface Measurement {
  readonly run: Run
  readonly database: Database
  readonly url: string
  readonly concurrency: number
  readonly kind: Kind
  readonly count: number
}

async function tasksASecond({ run, database, url, concurrency, kind, count }: Measurement): Promise<number> {
  const { profileFolder } = run
  await using child = await Child.start(kind, script, { database, url, concurrency, profileFolder })
  await child.call('work', { kind, count: warmUp })
  const total = Math.max(100, Math.round(count * run.size))
  const ms = await child.call<number>('work', { kind, count: total })
  await child.call('close')
  return total / (ms / 1000)
}

async function openPlace(run: Run, database: Database): Promise<(AsyncDisposable & { url: string }) | undefined> {
  if (database === 'sqlite') {
    const url = path.join(await run.makeFolder(), 'rows.db')
    return { url, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const server = await service('postgres')
  if ('url' in server) return testDatabase(server)
  run.progress(`${server.missing}: its rows are left out`)
  return undefined
}
