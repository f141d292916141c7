import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { payload, redisUrl, type Consumer, type OnTask, type Peer, type Store } from './peer.ts'
import { rawRedis } from './raw-redis.ts'

const lookEveryMs = 5
const closeDeadlineMs = 8000
const recordBytes = 16
const processes = os.availableParallelism()

/** A worker of Python's Celery with its own pool, a process for each core. The messages are the raw client's. */
export const pythonCelery: Peer = {
  openProducer: (store) => rawRedis.openProducer(store),
  openConsumer: async (store, onTask): Promise<Consumer> => new PythonWorker(store, onTask),
}

class PythonWorker implements Consumer {
  readonly #store: Store
  readonly #onTask: OnTask
  readonly #timesFile: string
  #process: ChildProcess | undefined
  #isClosing = false
  #watching: Promise<void> | undefined

  constructor(store: Store, onTask: OnTask) {
    this.#store = store
    this.#onTask = onTask
    this.#timesFile = path.join(store.folder, 'times')
  }

  /** It takes messages as soon as it is ready. */
  async start(): Promise<number> {
    fs.writeFileSync(this.#timesFile, Buffer.alloc(recordBytes * (processes + 1)))
    const child = this.#spawn()
    this.#process = child
    while (this.#record(0).count === 0) {
      if (child.exitCode !== null)
        throw new Error(`Celery's worker ended with code ${child.exitCode} before it was ready`)
      await pause(lookEveryMs)
    }
    this.#watching = this.#watch()
    return this.#record(0).atMs
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#watching
    const child = this.#process
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => this.#kill(), closeDeadlineMs)
    await ended
    clearTimeout(timer)
  }

  #spawn(): ChildProcess {
    const { python } = this.#store
    if (python === undefined) throw new Error('the store names no interpreter with Celery')
    const options = ['worker', '--pool', 'prefork', '--concurrency', String(processes), '--loglevel', 'ERROR']
    const child = spawn(python, ['-m', 'celery', '--app', 'bench_app', ...options], {
      cwd: new URL('./python/', import.meta.url),
      // A group of its own, so that the processes of its pool can be ended with it.
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        C_FORCE_ROOT: '1',
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONWARNINGS: 'ignore',
        BENCH_REDIS_URL: redisUrl(this.#store),
        BENCH_TIMES: this.#timesFile,
        BENCH_WITH_RESULTS: this.#store.withResults ? '1' : '0',
      },
    })
    process.on('exit', () => this.#kill())
    return child
  }

  /** Passes on what the worker's processes have counted. */
  async #watch(): Promise<void> {
    let seen = 0
    while (!this.#isClosing) {
      const counts = Array.from({ length: processes }, (_, index) => this.#record(index + 1).count)
      const total = counts.reduce((sum, count) => sum + count, 0)
      while (seen < total) this.#onTask(payload(seen++))
      await pause(lookEveryMs)
    }
  }

  #record(index: number): { readonly count: number; readonly atMs: number } {
    const times = fs.readFileSync(this.#timesFile)
    const at = index * recordBytes
    return { count: Number(times.readBigInt64LE(at)), atMs: Number(times.readBigInt64LE(at + 8)) / 1e6 }
  }

  #kill(): void {
    const pid = this.#process?.pid
    if (pid === undefined || this.#process?.exitCode !== null) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}
