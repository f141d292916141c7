import { Worker } from 'node:worker_threads'

/** What the thread is started with. */
export interface LeaseThreadData {
  readonly path: string
  readonly leaseMs: number
}

/** What the thread tells: that it renews from now on, or that an owner's row is gone. */
export type LeaseReport = { readonly kind: 'ready' } | { readonly kind: 'lost'; readonly ownerId: number }

/** `sqlite-lease-thread.ts` beside this file, or what the build made of it. */
const entry = new URL(
  `./sqlite-lease-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
  import.meta.url,
)

/** Renews this broker's owner row from a thread, because a task may block the event loop for longer than a lease. */
export class LeaseThread {
  readonly #thread: Worker
  readonly #onLost: (ownerId: number) => void
  #isReady = false

  constructor(data: LeaseThreadData, onLost: (ownerId: number) => void) {
    this.#onLost = onLost
    // The loaders of the program are not for this thread: they would only make it start later.
    this.#thread = new Worker(entry, { workerData: data, execArgv: [], name: 'celeriac-lease' })
    this.#thread.on('message', (report: LeaseReport) => this.#heed(report))
    this.#thread.on('error', (error) => this.#warn(error))
    this.#thread.on('exit', () => {
      this.#isReady = false
    })
    // After the listeners, which would keep the process alive.
    this.#thread.unref()
  }

  /** False before it has started and after it has failed: then the event loop has to renew. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Renews this owner from now on, instead of the one before. */
  keep(ownerId: number): void {
    this.#thread.postMessage(ownerId)
  }

  async stop(): Promise<void> {
    await this.#thread.terminate()
  }

  #heed(report: LeaseReport): void {
    if (report.kind === 'ready') this.#isReady = true
    else this.#onLost(report.ownerId)
  }

  #warn(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    process.emitWarning(
      `The thread that renews loans of messages failed (${text}): a task that blocks the event loop may be given out twice`,
      { code: 'CELERIAC_BROKER' },
    )
  }
}
