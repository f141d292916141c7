import assert from 'node:assert/strict'
import { chain, chord, group, TaskError, TaskRevoked, TimeoutError, type AsyncResult } from '../../../src/index.ts'
import { Note } from '../../contracts/outbox-note.ts'
import { add, app, echo, fail, flaky, hard, ignored, read, report, soft, source, sum, wait } from './app.ts'
import { noteCount } from './note-count.ts'

/** One way of calling: it resolves once what should come of it has come, and rejects otherwise. */
interface Call {
  readonly name: string
  /** How often, beside the others. */
  readonly weight: number
  make(n: number): Promise<unknown>
}

const longest = { timeout: '60s' } as const
/** Longer than a machine that has other things to do stands still. */
const farAway = '20s'

async function value<R>(called: Promise<AsyncResult<R>>): Promise<R> {
  return (await called).get(longest)
}

async function raises(called: Promise<AsyncResult>, message: RegExp): Promise<void> {
  await assert.rejects(value(called), (error) => error instanceof TaskError && message.test(error.message))
}

function noteOf(n: number): Promise<Note> {
  return source.getRepository(Note).findOneByOrFail({ id: 1 + (n % noteCount) })
}

/** SQLite has one connection here, whose transactions would be one. */
let lastTransaction: Promise<unknown> = Promise.resolve()

function inTransaction(body: () => Promise<unknown>): Promise<unknown> {
  lastTransaction = lastTransaction.then(() => source.transaction(body)).catch(() => undefined)
  return lastTransaction
}

const calls: readonly Call[] = [
  { name: 'waited for', weight: 250, make: async (n) => assert.equal(await value(echo.delay(n)), n) },
  { name: 'never asked for', weight: 250, make: (n) => echo.delay(n) },
  { name: 'ignored', weight: 100, make: (n) => ignored.delay(n) },
  { name: 'failed', weight: 80, make: (n) => raises(fail.delay(n), /is not possible/) },
  { name: 'retried', weight: 40, make: async () => assert.equal(await value(flaky.delay()), 2) },
  { name: 'in 2 s', weight: 60, make: (n) => value(echo.applyAsync([n], { countdown: '2s' })) },
  { name: 'with progress', weight: 20, make: () => value(report.delay()) },
  {
    name: 'given up',
    weight: 20,
    make: async (n) => {
      const result = await echo.applyAsync([n], { countdown: farAway })
      await assert.rejects(result.get({ timeout: '200ms' }), TimeoutError)
    },
  },
  {
    name: 'forgotten',
    weight: 20,
    make: async (n) => {
      const result = await echo.delay(n)
      await result.get(longest)
      await result.forget()
    },
  },
  {
    name: 'revoked before its time',
    weight: 20,
    make: async (n) => {
      const result = await echo.applyAsync([n], { countdown: farAway })
      await result.revoke()
      await assert.rejects(result.get(longest), TaskRevoked)
    },
  },
  {
    name: 'revoked while it runs',
    weight: 5,
    make: async () => {
      const result = await wait.delay(20_000)
      await result.revoke()
      await assert.rejects(result.get(longest), TaskRevoked)
    },
  },
  {
    name: 'expired',
    weight: 10,
    make: (n) => assert.rejects(value(echo.applyAsync([n], { countdown: 0.5, expires: 0.1 })), TaskRevoked),
  },
  { name: 'soft limit', weight: 5, make: () => raises(soft.delay(), /SoftTimeLimitExceeded/) },
  { name: 'hard limit', weight: 2, make: () => raises(hard.delay(), /TimeLimitExceeded/) },
  {
    name: 'with a row',
    weight: 60,
    make: async (n) => assert.match(await value(read.delay(await noteOf(n))), /^note/),
  },
  {
    name: 'after a commit',
    weight: 10,
    make: async (n) => {
      const note = await noteOf(n)
      let result: AsyncResult<string> | undefined
      await inTransaction(async () => (result = await read.delay(note)))
      await result?.get(longest)
    },
  },
  {
    name: 'rolled back',
    weight: 5,
    make: async (n) => {
      const note = await noteOf(n)
      await inTransaction(async () => {
        await read.delay(note)
        throw new Error('rolled back on purpose')
      })
    },
  },
  {
    name: 'chain',
    weight: 20,
    make: async (n) => assert.equal(await (await chain(add.s(n, 1), add.s(1), add.s(1)).delay()).get(longest), n + 3),
  },
  {
    name: 'chord',
    weight: 15,
    make: async (n) => {
      const members = group([add.s(n, 1), add.s(n, 2), add.s(n, 3)])
      assert.equal(await (await chord(members, sum.s()).delay()).get(longest), 3 * n + 6)
    },
  },
  {
    name: 'chord that fails',
    weight: 3,
    make: async (n) => {
      const result = await chord(group([add.s(n, 1), fail.s(n)]), sum.s()).delay()
      await assert.rejects(result.get(longest), TaskError)
    },
  },
]

const total = calls.reduce((sum, { weight }) => sum + weight, 0)

/** One of them, chosen at random by weight. Rejects with its name. */
export async function makeOne(n: number): Promise<void> {
  let at = Math.random() * total
  const call = calls.find(({ weight }) => (at -= weight) < 0) ?? calls[0]
  try {
    await call?.make(n)
  } catch (error) {
    throw new Error(`${call?.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

export async function closeCalls(): Promise<void> {
  await app.close()
  await source.destroy()
}
