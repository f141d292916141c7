import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { service, skipIfMissing, type Service } from '../services.ts'
import { kill, openChaosSite, type ChaosSite, type Role } from './outbox-chaos/site.ts'

const transactions = 2000
/** In each of them every process is killed. */
const rounds = 3
const roles: readonly Role[] = ['producer', 'relay', 'worker', 'relay', 'worker']

const postgres = await service('postgres')

describe('2,000 transactions while producer, relays and workers are killed at random', () => {
  it('run the task of each that was committed, and of no other, on SQLite', (t) => survive(t, 'sqlite'))

  it(
    'run the task of each that was committed, and of no other, on PostgreSQL',
    {
      skip: skipIfMissing(postgres),
    },
    async (t) => {
      if ('url' in postgres) await survive(t, postgres)
    },
  )
})

async function survive(t: TestContext, where: Service | 'sqlite'): Promise<void> {
  await using site = await openChaosSite(where, transactions)
  await killAtRandom(site)
  await until(site, 'everything ran', async () => {
    const { outbox, waiting } = await site.left()
    return outbox === 0 && waiting === 0 && (await site.rows()).every(among(site.runs()))
  })
  const [rows, runs] = [await site.rows(), site.runs()]
  t.diagnostic(`${rounds * roles.length} killed; ${rows.length} rows, ${runs.length} runs`)
  assert.deepEqual(
    runs.filter((line) => line.startsWith('FAILED')),
    [],
  )
  assert.deepEqual(
    runs.filter((line) => line.endsWith(':lost')),
    [],
    'a task of a rolled-back transaction ran',
  )
  assert.deepEqual([...new Set(runs)].toSorted(), rows.toSorted(), 'what ran is not what was committed')
  assert.deepEqual(namesOf(rows), expectedNames())
  assert.equal((await site.left()).dead, 0)
}

/** Kills each process as often as it takes, in random order and at random times while the transactions are made. */
async function killAtRandom(site: ChaosSite): Promise<void> {
  const children: ChildProcess[] = roles.map((role) => site.start(role))
  const victims = Array.from({ length: rounds }, () => shuffled(roles.map((_, index) => index))).flat()
  for (const [index, victim] of victims.entries()) {
    const at = ((index + Math.random()) / victims.length) * transactions * 0.95
    await until(site, 'transactions went on', () => site.transactionsDone() >= at)
    await sleep(Math.random() * 50)
    await kill(children[victim] as ChildProcess)
    children[victim] = site.start(roles[victim] as Role)
  }
  await until(site, 'all transactions were made', () => site.transactionsDone() === transactions)
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** The rows that each transaction must have left, without the lives of the producers: a repeated one left them twice. */
function namesOf(rows: readonly string[]): string[] {
  return [...new Set(rows.map((row) => row.replace(/ [0-9a-f-]{36}:/, ' ')))].toSorted()
}

function expectedNames(): string[] {
  const names = Array.from({ length: transactions }, (_, n) => [
    ...(n % 2 === 0 ? [`${n} outer kept`] : []),
    ...(n % 12 === 0 ? [`${n} inner kept`] : []),
  ])
  return names.flat().toSorted()
}

function among(lines: readonly string[]): (line: string) => boolean {
  const known = new Set(lines)
  return (line) => known.has(line)
}

async function until(site: ChaosSite, what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 30_000
  while (!(await isSo())) {
    if (performance.now() > giveUpAt || site.hasCrashed()) {
      const state = JSON.stringify({ ...(await site.left()), done: site.transactionsDone() })
      throw new Error(`waited in vain until ${what}: ${state}; the processes said: ${site.errors()}`)
    }
    await sleep(20)
  }
}
