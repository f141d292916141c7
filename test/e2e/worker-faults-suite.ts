import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TaskRevoked } from '../../src/index.ts'
import { until } from '../support/until.ts'
import { end, exited, type FaultSite } from './faults/site.ts'

/** Seconds, where something happens when they are over. */
const short = 2
/** Where nothing is to be lost, however little of the processor the workers get. */
const long = 60

/** What worker processes promise when they are killed, stopped and blocked, on any store. */
export function describeWorkerFaults(
  name: string,
  openSite: (leaseSeconds: number) => Promise<FaultSite>,
  skip: string | false = false,
): void {
  describe(name, { skip }, () => {
    it('lose no accepted task when they are killed at random instants', async () => {
      await using site = await openSite(short)
      const count = 1500
      const calls = Array.from({ length: count }, (_, n) => [n, n % 20] as const)
      const [first, second] = await Promise.all([site.startWorker(), site.startWorker()])
      const workers = [first, second]
      const results = await Promise.all(calls.map((args) => site.app.send<number>('faults.note', args)))
      for (let kills = 0; kills < 6; kills++) {
        await sleep(30 + Math.random() * 250)
        const victim = kills % 2
        await end(workers[victim] as ChildProcess, 'SIGKILL')
        workers[victim] = await site.startWorker()
      }
      const values = await Promise.all(results.map((result) => result.get({ timeout: '60s' })))
      assert.deepEqual(
        values,
        calls.map(([n]) => n),
      )
      assert.deepEqual(
        [...new Set(site.lines())].map(Number).toSorted((a, b) => a - b),
        calls.map(([n]) => n),
      )
      const broker = await site.app.openBroker()
      assert.equal(await broker.count('celery'), 0)
      assert.equal(await broker.count('celery.dead'), 0)
    })

    it('run each task once while none of them dies', async () => {
      await using site = await openSite(long)
      await Promise.all([site.startWorker(), site.startWorker(), site.startWorker()])
      const results = await Promise.all(Array.from({ length: 600 }, (_, n) => site.app.send('faults.note', [n, n % 7])))
      await Promise.all(results.map((result) => result.get({ timeout: '60s' })))
      assert.equal(site.lines().length, 600)
    })

    it('do not give out a task twice while one blocks its event loop beyond the lease', async () => {
      await using site = await openSite(short)
      const [busy] = await Promise.all([site.startWorker({ concurrency: 1 }), site.startWorker({ concurrency: 1 })])
      const result = await site.app.send<number>('faults.block', [5000])
      await until('it began', () => site.lines().length > 0)
      assert.ok(await result.get({ timeout: '30s' }))
      assert.equal(site.lines().length, 1, 'it was given out again')
      assert.ok(busy.pid)
    })

    for (const pool of ['async', 'processes'] as const)
      it(`do not accept what a frozen worker with the pool ${pool} does after its loan was over`, async () => {
        await using site = await openSite(short)
        const frozen = await site.startWorker({ pool, concurrency: 1 })
        const result = await site.app.send<number>('faults.where', [1500])
        await until('it began', () => site.lines().length > 0)
        frozen.kill('SIGSTOP')
        const other = await site.startWorker({ concurrency: 1 })
        // What runs in a process of its own is not frozen with the worker, and has answered by then.
        await until('the other one began', () => site.lines().filter((line) => line.startsWith('began')).length > 1)
        // The frozen one wakes while the other still runs: its late end must not become the result.
        frozen.kill('SIGCONT')
        assert.equal(await result.get({ timeout: '30s' }), other.pid)
        await until('both bodies ended', () => site.lines().filter((line) => line.startsWith('ended')).length === 2)
        assert.equal(await result.get(), other.pid)
      })

    it('bury a message that ends them, however it does, and none of those that were taken with it', async () => {
      await using site = await openSite(short)
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, n) => site.app.send<number>('faults.note', [n, 1])),
      )
      await site.app.send('faults.poison', [], { priority: 9 })
      const broker = await site.app.openBroker()
      for (let deaths = 0; (await broker.count('celery.dead')) === 0; deaths++) {
        assert.ok(deaths < 10, 'the poison is still delivered')
        const worker = await site.startWorker({ maxDeliveries: 3, mayCrash: true })
        await Promise.race([exited(worker), until('it is buried', async () => (await broker.count('celery.dead')) > 0)])
      }
      const values = await Promise.all(results.map((result) => result.get({ timeout: '30s' })))
      assert.equal(values.length, 100)
      const dead = (await broker.peek?.('celery.dead', { offset: 0, limit: 200 })) ?? []
      assert.deepEqual(
        dead.map((message) => message.headers['task']),
        ['faults.poison'],
      )
    })

    it('do not run what was revoked before its time, although they were killed meanwhile', async () => {
      await using site = await openSite(short)
      const first = await site.startWorker()
      const later = { countdown: '1500ms' } as const
      const revoked = await site.app.send('faults.note', ['revoked', 1], later)
      const kept = await site.app.send('faults.note', ['kept', 1], later)
      await revoked.revoke()
      await end(first, 'SIGKILL')
      await site.startWorker()
      await assert.rejects(revoked.get({ timeout: '30s' }), TaskRevoked)
      await kept.get({ timeout: '30s' })
      assert.deepEqual(site.lines(), ['kept'])
    })

    it('finish what they run on SIGTERM, and exit by themselves', async () => {
      await using site = await openSite(long)
      const worker = await site.startWorker()
      const result = await site.app.send<number>('faults.where', [500])
      await until('it began', () => site.lines().length > 0)
      await end(worker, 'SIGTERM')
      assert.equal(worker.exitCode, 0)
      assert.equal(await result.get({ timeout: '25s' }), worker.pid)
    })
  })
}
