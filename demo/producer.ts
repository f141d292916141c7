import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { EntityManager } from 'typeorm'
import type { AsyncResult } from '../src/index.ts'
import { tell } from './messages.ts'
import { City, Country } from './rows.ts'
import { openDemo, type Demo, type Finding } from './tasks.ts'

const citiesPerCall = 25
const queue = 'celery'

interface Calls {
  readonly farthest: readonly AsyncResult<Finding>[]
  readonly measure: readonly AsyncResult<number>[]
}

process.on('disconnect', () => process.exit(1))
const note = `private-${randomUUID()}`
await using demo = await openDemo(process.argv[2] ?? '')
const broker = await demo.app.openBroker()
const rolledBack = await callAndRollBack(demo)
const waitingAfterRollback = await broker.count(queue)
const [calls, waitingBeforeCommit] = await demo.rows.transaction(async (manager) => {
  const made = await callAll(demo, manager)
  return [made, await broker.count(queue)] as const
})
const called = { rolledBack, note, waitingBeforeCommit, waitingAfterRollback, waiting: await broker.count(queue) }
await tell({ kind: 'called', ...called, calls: calls.farthest.length + calls.measure.length })
await once(process, 'message')
await report(calls)
process.disconnect()

/** Changes a row, calls a task with it, and thinks better of it. */
async function callAndRollBack({ rows, farthest }: Demo): Promise<readonly string[]> {
  const changedMind = new Error('changed my mind')
  const ids: string[] = []
  const transaction = rows.transaction(async (manager) => {
    const country = await manager.findOneByOrFail(Country, {})
    const capital = await manager.findOneByOrFail(City, { id: country.capitalId })
    await manager.save(Object.assign(country, { note: 'never committed' }))
    ids.push((await farthest.delay(country, capital)).id)
    throw changedMind
  })
  await transaction.catch((error: unknown) => {
    if (error !== changedMind) throw error
  })
  return ids
}

/** Inside the open transaction: changes every country, then calls the tasks with the instances at hand. */
async function callAll({ farthest, measure }: Demo, manager: EntityManager): Promise<Calls> {
  const countries = await manager.find(Country)
  for (const country of countries) country.note = note
  await manager.save(countries)
  const capitals = new Map<string, City>()
  for (const { code, capitalId } of countries) {
    capitals.set(code, await manager.findOneByOrFail(City, { id: capitalId }))
  }
  const pairs = countries.map((country) => [country, capitals.get(country.code) as City] satisfies [Country, City])
  const summaries = await farthest.delayMany(pairs)
  const measurements = await measure.delayMany(chunks())
  return { farthest: summaries, measure: measurements }

  async function* chunks(): AsyncIterable<[City, City[]]> {
    for (const [{ code }, capital] of pairs) {
      const cities = await manager.findBy(City, { country: code })
      for (let start = 0; start < cities.length; start += citiesPerCall) {
        yield [capital, cities.slice(start, start + citiesPerCall)]
      }
    }
  }
}

async function report({ farthest, measure }: Calls): Promise<void> {
  let done = 0
  const failures: string[] = []
  const settle = async <R>(result: AsyncResult<R>): Promise<R[]> => {
    try {
      return [await result.get()]
    } catch (error) {
      failures.push(String(error))
      return []
    } finally {
      if (++done % 50 === 0) void tell({ kind: 'progress', done })
    }
  }
  const [findings, measured] = await Promise.all([
    Promise.all(farthest.map(settle<Finding>)),
    Promise.all(measure.map(settle<number>)),
  ])
  const cities = measured.flat().reduce((sum, count) => sum + count, 0)
  await tell({ kind: 'finished', findings: findings.flat(), measured: cities, failures })
}
