import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Loan, Outcome } from '../../src/pools/pool.ts'
import type { PoolKind } from '../../src/pools/open-pool.ts'
import { until } from '../support/worker-harness.ts'
import { openLab, type PoolLab } from './pool-contract-tools.ts'

/** What every pool does with its jobs. One that is `solo` runs one at a time. */
export function describePool(kind: PoolKind): void {
  const size = kind === 'solo' ? 1 : 2

  describe(`pool ${kind}`, () => {
    let shared: PoolLab
    before(async () => {
      shared = await openLab(kind, { graceMs: 50 })
      await shared.pool.start()
    })
    after(() => shared[Symbol.asyncDispose]())

    /** The one pool of these tests, with nothing stored yet: to start one for each would take long. */
    function fresh(): PoolLab {
      shared.states.length = 0
      return shared
    }

    it('runs a job, stores its state, and gives its outcome', async () => {
      const lab = fresh()
      assert.equal(await lab.value('pool.add', [2, 3]), 5)
      assert.deepEqual(
        lab.states.map(({ status }) => status),
        ['SUCCESS'],
      )
      assert.ok(lab.freed > 0)
    })

    it('tells when a slot begins with a job', async () => {
      const lab = fresh()
      const told: string[] = []
      const jobs = Array.from({ length: 3 }, async (_, n) => {
        const run = lab.run('pool.add', [n, n], { onStarted: () => told.push(`${n} begun`) })
        await run.then(() => told.push(`${n} over`))
      })
      await Promise.all(jobs)
      assert.equal(told.length, 6)
      for (const n of [0, 1, 2]) assert.ok(told.indexOf(`${n} begun`) < told.indexOf(`${n} over`))
    })

    it('tells what a body threw, whatever it is', async () => {
      const lab = fresh()
      const failed = await lab.run('pool.fail')
      assert.ok(failed.kind === 'failed')
      assert.deepEqual([failed.error.type, failed.error.details], ['RangeError', ['too far']])
      assert.match(failed.error.traceback ?? '', /pool-app/)
      assert.equal((await lab.run('pool.failOddly')).kind, 'failed')
      assert.equal((await lab.run('pool.circular')).kind, 'failed')
      assert.deepEqual(await kinds(lab.run('pool.ignore'), lab.run('pool.add', [1, 1])), ['ignored', 'succeeded'])
      assert.deepEqual(
        lab.states.map(({ status }) => status),
        ['FAILURE', 'FAILURE', 'FAILURE', 'SUCCESS'],
      )
    })

    it('gives the message of a retry as it came, but for the count and the time', async () => {
      const lab = fresh()
      const execution = lab.begin('pool.retry')
      const outcome = await execution.outcome
      assert.ok(outcome.kind === 'retried')
      const { message, deliverAt } = outcome.next
      assert.deepEqual([message.headers['id'], message.headers['retries']], [execution.id, 1])
      assert.equal(message.body, '[[],{},null]')
      assert.ok(deliverAt instanceof Date && deliverAt.getTime() > Date.now() + 3_500_000)
      assert.equal(lab.states[0]?.status, 'RETRY')
    })

    it('stores states of the body before its end', async () => {
      const lab = fresh()
      assert.equal(await lab.value('pool.progress'), 'done')
      assert.deepEqual(
        lab.states.map(({ status }) => status),
        ['PROGRESS', 'SUCCESS'],
      )
    })

    it('gives a job back whose state cannot be stored', async () => {
      const { OperationalError } = await import('../../src/index.ts')
      await using lab = await openLab(kind, { store: () => Promise.reject(new OperationalError('the store is away')) })
      await lab.pool.start()
      const outcome = await lab.run('pool.add', [1, 2])
      assert.ok(outcome.kind === 'lost' && outcome.isTransient)
      assert.match(outcome.reason, /the store is away/)
    })

    it(`runs ${size} at once, and says when there is room`, async () => {
      const lab = fresh()
      await until('all slots are ready', () => lab.hasRoom())
      const all = Array.from({ length: size }, () => lab.run('pool.sleep', [300]))
      if (size > 1) await until('both run', () => lab.pool.busy === size)
      assert.equal(lab.hasRoom(), false)
      assert.equal(lab.pool.size, size)
      await Promise.all(all)
      assert.equal(lab.pool.busy, 0)
      assert.equal(lab.hasRoom(), true)
    })

    it('tells a body by its signal that the soft limit passed', async () => {
      const lab = fresh()
      assert.equal(await lab.value('pool.wait', [], { softTimeLimitMs: 50 }), 'SoftTimeLimitExceeded')
      const unaware = await lab.run('pool.unaware', [], { softTimeLimitMs: 50 })
      assert.ok(unaware.kind === 'failed' && unaware.error.type === 'SoftTimeLimitExceeded')
    })

    it('ends a body at its hard limit, and accepts nothing of it', async () => {
      const lab = fresh()
      const outcome = await lab.run('pool.sleep', [400], { hardTimeLimitMs: 100 })
      assert.ok(outcome.kind === 'timedOut' && outcome.limitMs === 100 && outcome.runtimeMs >= 95)
      assert.equal(await lab.value('pool.add', [1, 1]), 2)
      await new Promise((resolve) => setTimeout(resolve, 400))
      assert.equal(lab.states.length, 1)
    })

    for (const reason of ['revoked', 'loanLost'] as const) {
      it(`stops a body that is ${reason}, and stores nothing of it`, async () => {
        await using lab = await openLab(kind)
        await lab.pool.start()
        const execution = lab.begin('pool.wait')
        setTimeout(() => execution.cancel(reason), 100)
        const outcome = await execution.outcome
        assert.ok(outcome.kind === 'cancelled' && outcome.reason === reason)
        assert.deepEqual(lab.states, [])
      })
    }

    it('takes as done what got done although the worker stops', async () => {
      const lab = fresh()
      const execution = lab.begin('pool.wait')
      setTimeout(() => execution.cancel('shutdown'), 100)
      assert.equal((await execution.outcome).kind, 'succeeded')
      assert.equal(lab.states[0]?.result, 'WorkerShutdown')
    })

    it('terminates a body that does not listen', async () => {
      const lab = fresh()
      const execution = lab.begin('pool.sleep', [1000])
      setTimeout(() => execution.terminate('revoked'), 50)
      const outcome = await execution.outcome
      assert.ok(outcome.kind === 'cancelled' && outcome.reason === 'revoked')
      assert.ok(outcome.runtimeMs < 900, `took ${outcome.runtimeMs} ms`)
      assert.deepEqual(lab.states, [])
    })

    it('refuses what a body did whose message was given to somebody else', async () => {
      const lab = fresh()
      let isLost = false
      const loan: Loan = {
        get isLost() {
          return isLost
        },
      }
      const execution = lab.begin('pool.sleep', [150], { loan })
      isLost = true
      const outcome = await execution.outcome
      assert.ok(outcome.kind === 'cancelled' && outcome.reason === 'loanLost')
      assert.deepEqual(lab.states, [])
    })

    it('grows and shrinks', { skip: kind === 'solo' }, async () => {
      await using lab = await openLab(kind, { size: 1 })
      await lab.pool.start()
      await lab.pool.resize(3)
      const running: Promise<Outcome>[] = []
      await until('three run', () => {
        if (lab.hasRoom()) running.push(lab.run('pool.sleep', [1500]))
        return running.length === 3
      })
      await lab.pool.resize(1)
      assert.equal(lab.pool.size, 1)
      assert.deepEqual(await kinds(...running), ['succeeded', 'succeeded', 'succeeded'])
    })

    it('may be closed twice, and before it has started', async () => {
      const lab = await openLab(kind)
      const started = lab.pool.start().catch(() => undefined)
      await lab.pool[Symbol.asyncDispose]()
      await lab.pool[Symbol.asyncDispose]()
      await started
    })
  })
}

async function kinds(...outcomes: readonly Promise<Outcome>[]): Promise<string[]> {
  return (await Promise.all(outcomes)).map(({ kind }) => kind)
}
