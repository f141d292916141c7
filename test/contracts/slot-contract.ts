import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Outcome } from '../../src/pools/pool.ts'
import { OperationalError } from '../../src/index.ts'
import { Autoscaler } from '../../src/worker/autoscaler.ts'
import { createLogger } from '../../src/util/logger.ts'
import { until } from '../support/worker-harness.ts'
import { openLab } from './pool-contract-tools.ts'

interface Place {
  readonly pid: number
  readonly threadId: number
}

const log = createLogger({ level: 'silent' })

/** What pools do whose bodies run in threads or processes. */
export function describeSlots(kind: 'threads' | 'processes'): void {
  const isProcess = kind === 'processes'

  describe(`slots of ${kind}`, () => {
    it('are children with the environment of the worker, and end with the pool', async () => {
      process.env['POOL_CONTRACT'] = 'handed on'
      const lab = await openLab(kind, { size: 1 })
      await lab.pool.start()
      const place = (await lab.value('pool.where')) as Place
      assert.equal(place.pid === process.pid, !isProcess)
      assert.equal(place.threadId === 0, isProcess)
      assert.equal(await lab.value('pool.env', ['POOL_CONTRACT']), 'handed on')
      await lab.value('pool.log', ['from a body'])
      await lab.pool[Symbol.asyncDispose]()
      const [begins, line, ends] = lab.lines
      const name = isProcess ? 'process-1' : 'thread-1'
      assert.deepEqual([begins?.message, line?.message, ends?.message], ['slot begins', 'a line: {err}', 'slot ends'])
      assert.deepEqual([begins?.slot, line?.slot, line?.level], [name, name, 'warn'])
      assert.match(JSON.stringify(line?.fields), /RangeError.*from a body/)
      if (isProcess) assert.equal(isAlive(place.pid), false)
    })

    it('are ended in the middle of a loop without end, and others do not notice', async () => {
      await using lab = await openLab(kind, { graceMs: 50 })
      await lab.pool.start()
      await until('both are ready', () => lab.lines.length === 2)
      const other = lab.run('pool.sleep', [1500])
      const spinning = await lab.run('pool.spin', [], { hardTimeLimitMs: 100 })
      assert.ok(spinning.kind === 'timedOut')
      const revoked = lab.begin('pool.spin')
      setTimeout(() => revoked.terminate('revoked'), 200)
      assert.deepEqual((await revoked.outcome).kind, 'cancelled')
      assert.equal(await lab.value('pool.add', [1, 2]), 3)
      assert.equal((await other).kind, 'succeeded')
    })

    it('are replaced at once in the middle of a call of native code, and it is told when they do not end', async () => {
      await using lab = await openLab(kind, { size: 1 })
      await lab.pool.start()
      const beganMs = performance.now()
      const outcome = await lab.run('pool.native', [4000], { hardTimeLimitMs: 500 })
      assert.ok(outcome.kind === 'timedOut')
      assert.equal(await lab.value('pool.add', [1, 2]), 3)
      assert.ok(performance.now() - beganMs < 4000, 'it was waited for')
      const isTold = (): boolean =>
        lab.lines.some(({ level, message }) => level === 'warn' && /still runs/.test(message))
      if (isProcess) assert.equal(isTold(), false)
      else await until('it is told', isTold)
    })

    it('are replaced when they die under a body, which is lost', async () => {
      await using lab = await openLab(kind, { size: 1 })
      await lab.pool.start()
      const deaths: [string, RegExp][] = [
        ['pool.exit', /ended with code 3/],
        ['pool.reject', /nobody handled: Error: nobody handles this/],
      ]
      if (isProcess) deaths.push(['pool.kill', /SIGKILL/])
      for (const [task, reason] of deaths) {
        const outcome = await lab.run(task)
        assert.ok(outcome.kind === 'lost' && !outcome.isTransient, JSON.stringify(outcome))
        assert.match(outcome.reason, reason)
      }
      assert.equal(await lab.value('pool.add', [1, 2]), 3)
      assert.equal(lab.broken, undefined)
    })

    it('tell no secret of a body that they die under', async () => {
      await using lab = await openLab(kind, { size: 1 })
      await lab.pool.start()
      const outcome = await lab.run('pool.rejectSecret', ['4111111111111111'])
      assert.ok(outcome.kind === 'lost')
      assert.match(outcome.reason, /nobody handled: Error: the bank refused \*\*\*/)
      assert.doesNotMatch(JSON.stringify([outcome, lab.lines]), /4111/)
    })

    it('lose none of the short jobs that wait in one that dies', async () => {
      await using lab = await openLab(kind, { size: 1 })
      await lab.pool.start()
      for (let n = 0; n < 40; n++) await lab.run('pool.add', [n, n])
      const all: Promise<Outcome>[] = []
      while (lab.hasRoom()) all.push(lab.run('pool.add', [all.length, 1]))
      assert.ok(all.length > 1, 'no jobs are sent ahead')
      const fatal = lab.run('pool.exit')
      for (let n = 0; n < 5; n++) all.push(lab.run('pool.add', [n, 1]))
      assert.equal((await fatal).kind, 'lost')
      assert.deepEqual(new Set((await Promise.all(all)).map((outcome) => outcome.kind)), new Set(['succeeded']))
    })

    it('are replaced after so many tasks, and nothing is lost', async () => {
      await using lab = await openLab(kind, { maxTasksPerChild: 3 })
      await lab.pool.start()
      const places = await Promise.all(Array.from({ length: 18 }, () => lab.value('pool.where')))
      const counts = new Map<string, number>()
      for (const { pid, threadId } of places as Place[])
        counts.set(`${pid}/${threadId}`, (counts.get(`${pid}/${threadId}`) ?? 0) + 1)
      // A successor that is there early may take what its neighbour still had room for.
      const full = [...counts.values()].filter((count) => count === 3).length
      assert.equal(Math.max(...counts.values()), 3)
      assert.ok(full >= 4, `${full} of ${counts.size} had as many as they may`)
      await until('those said that they ended', () => ended(lab.lines) >= full)
    })

    it('are replaced when they take too much memory', async () => {
      await using lab = await openLab(kind, { size: 1, maxMemoryPerChild: (isProcess ? 300 : 100) * 1024 ** 2 })
      await lab.pool.start()
      const kept: unknown[] = []
      for (let n = 0; n < 12; n++) kept.push(await lab.value('pool.keep', [30]))
      assert.ok(kept.includes(2), 'they were replaced at once')
      assert.ok(Math.max(...(kept as number[])) < 10, `they were not replaced: ${kept.join()}`)
    })

    it('follow the demand up and down while they are replaced and die, and nothing is cut off', async () => {
      await using lab = await openLab(kind, { size: 1, maxTasksPerChild: 3 })
      await lab.pool.start()
      const outcomes: Promise<Outcome>[] = []
      let [nowMs, demand] = [0, 0]
      const call = (task: string, ms: number): void => {
        demand++
        outcomes.push(lab.run(task, [ms]).finally(() => demand--))
      }
      const resize = (size: number): void => void lab.pool.resize(size)
      const scaler = new Autoscaler({ max: 3, min: 1, demand: () => demand, resize, log }, () => nowMs)
      // It looks when it is told to.
      scaler.stop()
      for (let n = 0; n < 12; n++) call('pool.sleep', 50)
      call('pool.exit', 0)
      scaler.look()
      assert.equal(lab.pool.size, 3)
      await until('three run', () => lab.pool.busy === 3)
      await until('all are done', () => demand === 0)
      for (let n = 0; n < 3; n++) call('pool.sleep', 600)
      await until('three run again', () => lab.pool.busy === 3)
      const running = outcomes.slice(-3)
      demand = 0
      scaler.look()
      nowMs += 30_000
      scaler.look()
      assert.equal(lab.pool.size, 1)
      assert.deepEqual(new Set(await kinds(running)), new Set(['succeeded']))
      assert.equal(await lab.value('pool.add', [1, 2]), 3)
      assert.deepEqual(
        (await kinds(outcomes)).filter((each) => each !== 'succeeded'),
        ['lost'],
      )
      // One that runs and one that is warm.
      await until('two are left', () => begun(lab.lines) - ended(lab.lines) - 1 === 2)
    })

    it('are not started for ever when they cannot load the app', async () => {
      const file = new URL('./pool-app/nothing-here.ts', import.meta.url).pathname
      await using lab = await openLab(kind, { setup: { file } })
      await assert.rejects(lab.pool.start(), /cannot be started: .*-\d: Cannot import .*nothing-here/)
      assert.match(lab.broken?.message ?? '', /nothing-here/)
      const refused = await lab.run('pool.add', [1, 2])
      assert.ok(refused.kind === 'lost' && refused.isTransient)
    })

    it('are not waited for when they do not load in time, be they in a call of native code', async () => {
      const file = new URL('./pool-app/slow/app.ts', import.meta.url).pathname
      await using lab = await openLab(kind, { size: 1, setup: { file }, startTimeoutMs: 400 })
      const beganMs = performance.now()
      await assert.rejects(lab.pool.start(), /cannot be started: .*-1: did not load within 0.4 s/)
      assert.ok(performance.now() - beganMs < 2000, 'it was waited for')
    })

    it('are told when a state of the body cannot be stored', async () => {
      let stores = 0
      const store = (): Promise<void> =>
        stores++ === 0 ? Promise.reject(new OperationalError('the store is away')) : Promise.resolve()
      await using lab = await openLab(kind, { size: 1, store })
      await lab.pool.start()
      const outcome = await lab.run('pool.progress')
      assert.ok(outcome.kind === 'succeeded')
      assert.match(outcome.resultRepr, /the store is away/)
    })
  })
}

async function kinds(outcomes: readonly Promise<Outcome>[]): Promise<string[]> {
  return (await Promise.all(outcomes)).map((outcome) => outcome.kind)
}

function begun(lines: readonly { readonly message: string }[]): number {
  return lines.filter(({ message }) => message === 'slot begins').length
}

function ended(lines: readonly { readonly message: string }[]): number {
  return lines.filter(({ message }) => message === 'slot ends').length
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
