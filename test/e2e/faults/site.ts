import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celeriac } from '../../../src/index.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { readLedger, type Ledger } from './ledger.ts'
import { storeSettings, type FaultPool, type Place } from './place.ts'

/** A store in which the workers and producers of one test meet. */
export interface FaultStore {
  readonly url: string
  readonly transportOptions: Readonly<Record<string, unknown>>
}

export interface WorkerSettings {
  /** Default 8. */
  readonly concurrency?: number
  /** Default async. */
  readonly pool?: FaultPool
  /** Another way to the same store, such as a proxy. */
  readonly url?: string
  readonly maxDeliveries?: number
  /** Default false: that it crashes fails the test. */
  readonly mayCrash?: boolean
}

export interface ProducerSettings {
  readonly url?: string
  /** Default: until it is killed. */
  readonly count?: number
}

/** The processes of one test, what they meet in, and what they left outside the store. */
export interface FaultSite extends AsyncDisposable {
  readonly app: Celeriac
  /** What the tasks wrote, line by line. */
  lines(): string[]
  /** Resolves when it takes tasks. It is gone at the end. */
  startWorker(settings?: WorkerSettings): Promise<ChildProcess>
  /** Sends `faults.note` on and on, and writes down what was accepted. Resolves with the first of these. */
  startProducer(settings?: ProducerSettings): Promise<ChildProcess>
  /** Of all producers, or of these. */
  ledger(producers?: readonly ChildProcess[]): Ledger
  /** Waits until all that was accepted ran and nothing waits. Fails when nothing more happens, or a process crashed. */
  settled(producers?: readonly ChildProcess[]): Promise<Ledger>
}

const silent = createLogger({ level: 'silent' })

/** On `store`, or on a SQLite file of its own. Leases are of 2 s unless its options say otherwise. */
export async function openFaultSite(store: Partial<FaultStore> = {}): Promise<FaultSite> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-faults-'))
  const place: Place = {
    url: `sqlite:${path.join(folder, 'queue.db')}`,
    transportOptions: { leaseSeconds: 2 },
    ...store,
    runs: path.join(folder, 'runs.log'),
    sent: path.join(folder, 'sent.log'),
    concurrency: 8,
    pool: 'async',
    maxDeliveries: 1000,
    count: Number.MAX_SAFE_INTEGER,
  }
  for (const file of [place.runs, place.sent]) await writeFile(file, '')
  const children: ChildProcess[] = []
  const crashes: string[] = []
  const errorLog = path.join(folder, 'errors.log')
  const errors = openSync(errorLog, 'a')
  const app = new Celeriac('faults', {
    broker: place.url,
    backend: place.url,
    logger: silent,
    settings: storeSettings(place),
  })
  const start = async (
    role: 'worker' | 'producer',
    { mayCrash = false, ...changes }: Partial<Place> & WorkerSettings,
  ): Promise<ChildProcess> => {
    const env = { ...process.env, FAULTS_PLACE: JSON.stringify({ ...place, ...changes }), NODE_TEST_CONTEXT: '' }
    const stdio = ['ignore', errors, errors, 'ipc'] as (number | 'ignore' | 'ipc')[]
    const child = fork(path.join(import.meta.dirname, `${role}.ts`), { env, stdio })
    children.push(child)
    child.once('exit', (code) => {
      if (code && !mayCrash)
        crashes.push(`a ${role} ended with code ${code}: ${readFileSync(errorLog, 'utf8').slice(-3000)}`)
    })
    await Promise.race([once(child, 'message'), once(child, 'exit')])
    assert.deepEqual(crashes, [])
    return child
  }
  const ledger = (producers?: readonly ChildProcess[]): Ledger =>
    readLedger(
      place,
      producers?.map(({ pid }) => pid),
    )
  return {
    app,
    lines: () => readFileSync(place.runs, 'utf8').split('\n').filter(Boolean),
    startWorker: (settings = {}) => start('worker', settings),
    startProducer: (settings = {}) => start('producer', settings),
    ledger,
    settled: (producers) => settled(app, () => ledger(producers), crashes),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(children.map((child) => end(child, 'SIGKILL')))
      await app.close()
      closeSync(errors)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const ended = exited(child)
  child.kill('SIGCONT')
  child.kill(signal)
  await ended
}

/** Resolves when the process is over, be it that it was before. */
export async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

const patienceMs = 15_000

async function settled(app: Celeriac, read: () => Ledger, crashes: readonly string[]): Promise<Ledger> {
  const broker = await app.openBroker()
  let ledger = read()
  let giveUpAt = performance.now() + patienceMs
  for (;;) {
    assert.deepEqual(crashes, [])
    const waiting = await broker.count('celery')
    if (ledger.lost === 0 && waiting === 0) return ledger
    if (performance.now() > giveUpAt) throw new Error(`nothing happens any more: ${String(ledger)}, ${waiting} wait`)
    await sleep(50)
    const next = read()
    if (next.ran !== ledger.ran) giveUpAt = performance.now() + patienceMs
    ledger = next
  }
}
