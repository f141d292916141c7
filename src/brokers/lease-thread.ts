import { Worker } from 'node:worker_threads'

/** What such a thread tells: that it renews from now on, or that what it renewed is gone. */
export type LeaseReport<Id> = { readonly kind: 'ready' } | { readonly kind: 'lost'; readonly id: Id }

export interface LeaseThreadOptions<Id> {
  readonly entry: URL
  readonly name: string
  readonly workerData: unknown
  readonly onLost: (id: Id) => void
}

/** A thread that renews one lease of this process, because a task may block the event loop for longer than a lease. */
export class LeaseThread<Id extends number | string> {
  readonly #thread: Worker
  readonly #onLost: (id: Id) => void
  readonly #start = Promise.withResolvers<void>()
  #isReady = false

  constructor({ entry, name, workerData, onLost }: LeaseThreadOptions<Id>) {
    this.#onLost = onLost
    // The loaders of the program are not for this thread: they would only make it start later.
    this.#thread = new Worker(entry, { workerData, execArgv: [], name })
    this.#thread.on('message', (report: LeaseReport<Id>) => this.#heed(report))
    this.#thread.on('error', (error) => warn(error))
    this.#thread.on('exit', () => {
      this.#isReady = false
      this.#start.resolve()
    })
    // After the listeners, which would keep the process alive.
    this.#thread.unref()
  }

  /** False before it has started and after it has failed: then the event loop has to renew. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Resolves when it has started or failed. Until then it keeps the process alive. */
  async started(): Promise<void> {
    this.#thread.ref()
    await this.#start.promise
    this.#thread.unref()
  }

  /** Renews this from now on, instead of the one before. */
  keep(id: Id): void {
    this.#thread.postMessage(id)
  }

  async stop(): Promise<void> {
    await this.#thread.terminate()
  }

  #heed(report: LeaseReport<Id>): void {
    if (report.kind === 'lost') return this.#onLost(report.id)
    this.#isReady = true
    this.#start.resolve()
  }
}

function warn(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error)
  process.emitWarning(
    `The thread that renews loans of messages failed (${text}): a task that blocks the event loop may be given out twice`,
    { code: 'CELERIAC_BROKER' },
  )
}
