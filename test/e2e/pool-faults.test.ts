import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { Celeriac } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { childrenOf } from '../support/children-of.ts'
import { sqliteStore, until } from '../support/worker-harness.ts'
import { killAtRandom } from './faults/chaos.ts'
import { openFaultSite } from './faults/site.ts'

const terminalSignals = ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGTERM'] as const
const slotPools = ['threads', 'processes'] as const

interface Site extends AsyncDisposable {
  readonly app: Celeriac
  readonly worker: ChildProcess
  value<R>(task: string, ...args: readonly unknown[]): Promise<R>
}

/** A worker process on a SQLite file, with two slots. */
async function openSite(pool: 'threads' | 'processes', env: NodeJS.ProcessEnv = {}): Promise<Site> {
  const store = await sqliteStore.open()
  const app = new Celeriac('faults', { broker: store.broker, logger: createLogger({ level: 'silent' }) })
  const worker = await startWorker({ ...process.env, POOL_APP_URL: store.broker, POOL_FAULTS_POOL: pool, ...env })
  return {
    app,
    worker,
    value: async <R>(task: string, ...args: readonly unknown[]) =>
      (await app.send<R>(task, args)).get({ timeout: '60s' }),
    [Symbol.asyncDispose]: async () => {
      await kill(worker)
      await app.close()
      await store.dispose()
    },
  }
}

async function startWorker(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const file = path.join(import.meta.dirname, 'pool-faults/worker.ts')
  const worker = fork(file, { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  await Promise.race([
    once(worker, 'message'),
    once(worker, 'exit').then(() => Promise.reject(new Error('the worker ended at its start'))),
  ])
  return worker
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const exited = once(worker, 'exit')
  worker.kill('SIGKILL')
  await exited
}

describe('worker processes with slots', () => {
  for (const pool of slotPools) {
    it(`live on when a body takes all memory of one of their ${pool}`, async () => {
      await using site = await openSite(pool, {
        NODE_OPTIONS: '--max-old-space-size=96',
        POOL_APP_MAX_DELIVERIES: '1',
      })
      await assert.rejects(site.value('pool.fill'), /WorkerLostError/)
      assert.equal(await site.value('pool.add', 1, 2), 3)
      assert.equal(site.worker.exitCode, null)
    })
  }

  it('lose nothing when they, their slots and producers are killed at random', async (test) => {
    await using site = await openFaultSite()
    const { kills, slotKills, ledger } = await killAtRandom(site, {
      seconds: 2,
      atLeast: 3,
      calls: 300,
      pools: slotPools,
    })
    test.diagnostic(`${kills} processes and ${slotKills} slots killed: ${String(ledger)}`)
    assert.ok(slotKills > 0)
    assert.equal(ledger.lost, 0)
  })

  it('finish what they run when their slots get the signal as well, as in a terminal', async () => {
    await using site = await openSite('processes')
    const result = await site.app.send<number>('pool.sleep', [500])
    const broker = await site.app.openBroker()
    await until('it runs', async () => (await broker.count('celery')) === 0)
    const exited = once(site.worker, 'exit')
    for (const slot of childrenOf(site.worker.pid ?? 0)) for (const signal of terminalSignals) isAlive(slot, signal)
    site.worker.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
    assert.equal(await result.get({ timeout: '5s' }), 500)
  })

  it('hand no file and no socket on to their slots', { skip: process.platform !== 'linux' }, async () => {
    await using site = await openSite('processes')
    const own = openIn(site.worker.pid ?? 0)
    assert.ok(own.some((target) => target.endsWith('.db')))
    const inSlot = await site.value<string[]>('pool.descriptors')
    // A shell may have left something open to all that it starts.
    const given = new Set([...openIn(process.pid), '/dev/null'])
    const shared = inSlot.filter((target) => own.includes(target) && !target.startsWith('anon_inode:'))
    assert.deepEqual(
      shared.filter((target) => !given.has(target)),
      [],
    )
  })

  it('leave no process behind when they are killed, also none whose body never comes back', async () => {
    await using site = await openSite('processes')
    await site.app.send('pool.spin')
    const slots = childrenOf(site.worker.pid ?? 0)
    assert.equal(slots.length, 2)
    const broker = await site.app.openBroker()
    await until('it spins', async () => (await broker.count('celery')) === 0)
    site.worker.kill('SIGKILL')
    await until('they are gone', () => slots.every((pid) => !isAlive(pid)))
  })
})

/** What the files and sockets of a process are. */
function openIn(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`)
    } catch {
      // It is closed by now.
      return []
    }
  })
}

/** Whether there is such a process; it gets the signal. */
function isAlive(pid: number, signal: NodeJS.Signals | 0 = 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}
