import { createClient } from '@redis/client'
import { Celeriac, Worker, type WorkerOptions } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { privateServer, pythonPeer, type PrivateServer } from '../services.ts'
import { PythonProducer, PythonWorker, type PythonSettings, type PythonWorkerOptions } from './python-processes.ts'
import { defineInteropTasks } from './interop-tasks.ts'
import { TypeScriptProcess } from './typescript-process.ts'

export interface LabOptions {
  /** The number of the database. Default 0. */
  readonly db?: number
  /** Of both sides, by Celery's names. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Of the Python side only. */
  readonly pythonSettings?: Readonly<Record<string, unknown>>
  /** Of the TypeScript side only. */
  readonly typescriptSettings?: Readonly<Record<string, unknown>>
}

export interface RunningWorker extends AsyncDisposable {
  /** Resolves when it has ended. */
  readonly stopped: Promise<void>
  readonly stop: () => Promise<void>
}

interface NotesClient {
  sendCommand(args: string[]): Promise<unknown>
  destroy(): void
}

async function connectNotes(url: string): Promise<NotesClient> {
  const client = createClient({ url, socket: { reconnectStrategy: false } as object })
  client.on('error', () => undefined)
  await client.connect()
  return client as NotesClient
}

/** What a file of tests needs, or the reason why it cannot run here. */
export async function findInterop(): Promise<{
  readonly skip: string | false
  readonly open: (options?: LabOptions) => Promise<InteropLab>
}> {
  const peer = await pythonPeer()
  const server = 'missing' in peer ? peer : await privateServer('redis')
  if ('missing' in peer || 'missing' in server) {
    const { missing } = 'missing' in peer ? peer : (server as { readonly missing: string })
    return { skip: missing, open: () => Promise.reject(new Error(missing)) }
  }
  return { skip: false, open: (options) => InteropLab.open(server, peer.python, options) }
}

/** One Redis, with Python and TypeScript at it. Python's processes are started when they are asked for. */
export class InteropLab implements AsyncDisposable {
  readonly server: PrivateServer
  readonly app: Celeriac
  readonly python: PythonSettings
  readonly #client: NotesClient
  readonly #settings: Readonly<Record<string, unknown>>
  readonly #owned: AsyncDisposable[] = []
  #keys = 0

  private constructor(server: PrivateServer, client: NotesClient, python: string, options: LabOptions) {
    const { db = 0, settings, pythonSettings, typescriptSettings } = options
    const url = server.url.replace(/\d+$/, String(db))
    this.server = server
    this.#client = client
    const shared = { broker_url: url, result_backend: url, ...settings }
    this.python = { python, settings: { ...shared, ...pythonSettings }, notes: url }
    this.#settings = { ...shared, ...typescriptSettings }
    this.app = this.newApp(this.#settings)
  }

  static async open(server: PrivateServer, python: string, options: LabOptions = {}): Promise<InteropLab> {
    return new InteropLab(
      server,
      await connectNotes(server.url.replace(/\d+$/, String(options.db ?? 0))),
      python,
      options,
    )
  }

  /** An app with the tasks of the tests. */
  newApp(settings: Readonly<Record<string, unknown>>): Celeriac {
    const app = new Celeriac('interop', { logger: createLogger({ level: 'silent' }), settings })
    defineInteropTasks(app, (key, text) => this.note(key, text))
    this.#owned.push(app)
    return app
  }

  async startProducer(): Promise<PythonProducer> {
    return this.#own(await PythonProducer.start(this.python))
  }

  /** Workers of both sides, and a producer in Python. */
  async startBoth(): Promise<PythonProducer> {
    const [producer] = await Promise.all([this.startProducer(), this.startPythonWorker(), this.startWorker()])
    return producer
  }

  async startPythonWorker(options?: PythonWorkerOptions): Promise<PythonWorker> {
    return this.#own(await PythonWorker.start(this.python, options))
  }

  /** A worker of ours in a process of its own. Its notes bear `who`. */
  async startTypeScriptWorker(queue: string, who: string, concurrency = 2): Promise<TypeScriptProcess> {
    const env = { INTEROP_SETTINGS: JSON.stringify(this.#settings), INTEROP_NOTES: this.python.notes }
    return this.#own(await TypeScriptProcess.start([queue, who, String(concurrency)], env))
  }

  /** A worker of this process. */
  startWorker(options: WorkerOptions = {}): Promise<RunningWorker> {
    return this.startWorkerOf(this.app, { queues: ['ts'], name: 'ts@%h', ...options })
  }

  async startWorkerOf(app: Celeriac, options: WorkerOptions): Promise<RunningWorker> {
    const worker = new Worker(app, options)
    const stopped = worker.run()
    stopped.catch(() => undefined)
    await Promise.race([worker.ready, stopped])
    const stop = async (): Promise<void> => {
      worker.stop('cold')
      await stopped
    }
    return this.#own({ stop, stopped, [Symbol.asyncDispose]: stop })
  }

  run(...args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand([...args])
  }

  /** A name that no other test uses. */
  key(): string {
    return `notes:${process.pid}:${this.#keys++}`
  }

  async note(key: string, text: string): Promise<void> {
    await this.run('RPUSH', key, text)
  }

  async notes(key: string): Promise<string[]> {
    return (await this.run('LRANGE', key, '0', '-1')) as string[]
  }

  /** Waits for so many notes and gives them. */
  async waitForNotes(key: string, count: number): Promise<string[]> {
    const giveUpAt = Date.now() + 30_000
    for (;;) {
      const notes = await this.notes(key)
      if (notes.length >= count) return notes
      if (Date.now() > giveUpAt) throw new Error(`waited 30 s for ${count} notes, there are ${notes.join(', ')}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const owned of this.#owned.toReversed()) await owned[Symbol.asyncDispose]()
    this.#client.destroy()
    await this.server.stop()
  }

  #own<T extends AsyncDisposable>(resource: T): T {
    this.#owned.push(resource)
    return resource
  }
}
