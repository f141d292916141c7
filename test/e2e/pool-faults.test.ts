import assert from 'node:assert/strict'
import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Celeriac } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { sqliteStore, until } from '../support/worker-harness.ts'

interface Site extends AsyncDisposable {
  readonly app: Celeriac
  readonly worker: ChildProcess
  /** Kills it and starts another. */
  replaceWorker(): Promise<void>
  value<R>(task: string, ...args: readonly unknown[]): Promise<R>
}

/** A worker process on a SQLite file, with two slots. */
async function openSite(pool: 'threads' | 'processes', env: NodeJS.ProcessEnv = {}): Promise<Site> {
  const store = await sqliteStore.open()
  const app = new Celeriac('faults', { broker: store.broker, logger: createLogger({ level: 'silent' }) })
  const start = (): Promise<ChildProcess> =>
    startWorker({ ...process.env, POOL_APP_URL: store.broker, POOL_FAULTS_POOL: pool, ...env })
  let worker = await start()
  return {
    app,
    get worker() {
      return worker
    },
    replaceWorker: async () => {
      await kill(worker)
      worker = await start()
    },
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
  for (const pool of ['threads', 'processes'] as const) {
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

  it('lose nothing when their slots are killed at random', async () => {
    await using site = await openSite('processes', { POOL_APP_MAX_DELIVERIES: '100' })
    const count = 200
    const results = await Promise.all(Array.from({ length: count }, (_, n) => site.app.send('pool.sleep', [n % 10])))
    let kills = 0
    const isDone = Promise.all(results.map((result) => result.get({ timeout: '60s' })))
    const killing = (async () => {
      while (kills < 4) {
        await pause(100)
        const [victim] = childrenOf(site.worker.pid ?? 0).toSorted(() => Math.random() - 0.5)
        if (victim !== undefined && isAlive(victim, 'SIGKILL')) kills++
      }
    })()
    assert.deepEqual(
      await isDone,
      Array.from({ length: count }, (_, n) => n % 10),
    )
    await killing
    assert.equal(await site.value('pool.add', 1, 2), 3)
  })

  it('lose nothing when they are killed themselves', async () => {
    await using site = await openSite('processes', { POOL_APP_MAX_DELIVERIES: '100' })
    const results = await Promise.all(Array.from({ length: 60 }, () => site.app.send<number>('pool.sleep', [40])))
    for (let kills = 0; kills < 2; kills++) {
      await pause(300)
      await site.replaceWorker()
    }
    assert.deepEqual(new Set(await Promise.all(results.map((result) => result.get({ timeout: '60s' })))), new Set([40]))
    const broker = await site.app.openBroker()
    await until('nothing is left to do', async () => (await broker.count('celery')) === 0)
    assert.equal(await broker.count('celery.dead'), 0)
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

function childrenOf(pid: number): number[] {
  try {
    return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .map(Number)
  } catch {
    return []
  }
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
