import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Message } from '../../src/protocol/message.ts'
import { Celeriac, Worker, type WorkerOptions } from '../../src/index.ts'
import type { Logger } from '../../src/util/logger.ts'
import { service } from '../services.ts'

export { until } from './until.ts'

/** A store that the worker's promises are tried on. */
export interface Store {
  readonly name: string
  open(): Promise<{ readonly broker: string; readonly backend: string; readonly dispose: () => Promise<void> }>
}

let stores = 0

export const memoryStore: Store = {
  name: 'memory',
  open: async () => {
    const url = `memory:worker-test-${process.pid}-${stores++}`
    return { broker: url, backend: url, dispose: async () => {} }
  },
}

export const sqliteStore: Store = {
  name: 'sqlite',
  open: async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-worker-'))
    const url = `sqlite:${path.join(folder, 'queue.db')}`
    return { broker: url, backend: url, dispose: () => rm(folder, { recursive: true, force: true }) }
  },
}

/** Undefined where no server can be had. Each opening has keys of its own. */
export async function redisStore(): Promise<Store | undefined> {
  const redis = await service('redis')
  if (!('url' in redis)) return undefined
  return {
    name: 'redis',
    open: async () => {
      const prefix = `worker-${process.pid}-${stores++}:`
      const url = `${redis.url}?global_keyprefix=${encodeURIComponent(prefix)}`
      return { broker: url, backend: url, dispose: async () => {} }
    },
  }
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps its lines. */
export function recordingLogger(lines: LogLine[]): Logger {
  const writer =
    (level: LogLine['level']) =>
    (fields: object, message: string): void => {
      lines.push({ level, fields: fields as Record<string, unknown>, message })
    }
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
}

export interface Harness extends AsyncDisposable {
  readonly app: Celeriac
  readonly lines: LogLine[]
  /** Starts a worker and waits until it is ready; it is stopped at the end. */
  startWorker(options?: WorkerOptions): Promise<{ readonly worker: Worker; readonly stopped: Promise<void> }>
  /** Another app on the same store, as another process would have it. */
  anotherApp(): Celeriac
}

export async function openHarness(store: Store, settings: object = {}): Promise<Harness> {
  const { broker, backend, dispose } = await store.open()
  const lines: LogLine[] = []
  const apps: Celeriac[] = []
  const workers: { readonly worker: Worker; readonly stopped: Promise<void> }[] = []
  const makeApp = (): Celeriac => {
    const app = new Celeriac('test', { broker, backend, logger: recordingLogger(lines), settings })
    apps.push(app)
    return app
  }
  const app = makeApp()
  return {
    app,
    lines,
    anotherApp: makeApp,
    startWorker: async (options) => {
      const worker = new Worker(app, { concurrency: 4, ...options })
      const started = { worker, stopped: worker.run() }
      // The error is seen by whoever awaits `stopped`, at the latest at the end.
      started.stopped.catch(() => undefined)
      workers.push(started)
      await Promise.race([worker.ready, started.stopped])
      return started
    },
    [Symbol.asyncDispose]: async () => {
      for (const { worker } of workers) worker.stop('cold')
      await Promise.all(workers.map(({ stopped }) => stopped))
      for (const each of apps) await each.close()
      await dispose()
    },
  }
}

/** A task message as a foreign producer would write it, with parts replaced. */
export function rawMessage(changes: Partial<Message> & { readonly headers?: Record<string, unknown> }): Message {
  const id = crypto.randomUUID()
  return {
    properties: { correlationId: id, deliveryMode: 2 },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: '[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
    ...changes,
    headers: { lang: 'py', task: 'demo.add', id, root_id: id, retries: 0, timelimit: [null, null], ...changes.headers },
  }
}

/** A promise to settle by hand. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: () => resolve() }
}
