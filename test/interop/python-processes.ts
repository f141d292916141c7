import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { dumpJson, loadJson } from '../../src/protocol/typed-json.ts'

const here = import.meta.dirname

/** What a Python process of the tests needs to know. */
export interface PythonSettings {
  readonly python: string
  /** Celery's own settings, and `broadcast`, the name of a Broadcast queue. */
  readonly settings: Readonly<Record<string, unknown>>
  /** URL of the Redis that tasks leave their notes in. */
  readonly notes: string
}

/** What became of a call, as Python's `AsyncResult` tells it. */
export interface PythonOutcome {
  readonly state: string
  readonly value?: unknown
  readonly type?: string
  readonly module?: string
  readonly args?: readonly unknown[]
  readonly text?: string
  readonly traceback?: string | null
}

export interface PythonSendOptions {
  readonly kwargs?: Readonly<Record<string, unknown>>
  readonly queue?: string
  readonly protocol?: 1 | 2
  readonly [option: string]: unknown
}

/** What Python's `AsyncResult` shows of a task of a workflow, with numbers for ids. */
export interface PythonShape {
  readonly number: number
  readonly state: string
}

/** A call of a workflow. */
export type PythonStep = readonly [task: string, args: readonly unknown[], queue: string]

/** One interpreter that calls tasks as any Celery client, and waits for their results. */
export class PythonProducer implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #ready = Promise.withResolvers<void>()
  #requests = 0
  #errors = ''

  private constructor(process: ChildProcess) {
    this.#process = process
    process.stderr?.on('data', (text: Buffer) => (this.#errors += String(text)))
    process.once('exit', (code) => this.#fail(`Python's producer ended with ${code}: ${this.#errors}`))
    if (process.stdout) createInterface(process.stdout).on('line', (line) => this.#answer(line))
  }

  static async start(settings: PythonSettings): Promise<PythonProducer> {
    const producer = new PythonProducer(startPython(settings, [path.join(here, 'python/producer.py')]))
    await producer.#ready.promise
    return producer
  }

  /** The id of the call. */
  send(task: string, args: readonly unknown[] = [], options: PythonSendOptions = {}): Promise<string> {
    return this.#ask<string>('send', { task, args, queue: 'ts', ...options })
  }

  get(id: string, timeout = 15): Promise<PythonOutcome> {
    return this.#ask('get', { id, timeout })
  }

  /** Calls, waits, and gives the value. */
  async result(task: string, args: readonly unknown[] = [], options: PythonSendOptions = {}): Promise<unknown> {
    const outcome = await this.get(await this.send(task, args, options))
    if (outcome.state !== 'SUCCESS') throw new Error(`${task}: ${JSON.stringify(outcome)}`)
    return outcome.value
  }

  meta(id: string): Promise<Record<string, unknown>> {
    return this.#ask('meta', { id })
  }

  revoke(id: string | readonly string[], options: Readonly<Record<string, unknown>> = {}): Promise<void> {
    return this.#ask('revoke', { id, ...options })
  }

  /** A task for every worker, sent as a Python program has to send it. */
  sendBroadcast(task: string, args: readonly unknown[], queue: string): Promise<string> {
    return this.#ask('send_broadcast', { task, args, queue })
  }

  /** Ids of `count` messages in the order in which a worker of Celery would get them. They are gone then. */
  drain(queue: string, count: number): Promise<string[]> {
    return this.#ask('drain', { queue, count })
  }

  /** Ids of the steps of a chain, the last first. */
  chain(steps: readonly PythonStep[], linkError?: PythonStep): Promise<string[]> {
    return this.#ask('chained', { steps, link_error: linkError })
  }

  /** The id of the body of a chord. */
  chord(header: readonly PythonStep[], body: PythonStep, linkError?: PythonStep): Promise<string> {
    return this.#ask('chorded', { header, body, link_error: linkError })
  }

  /** The results of a group. */
  group(steps: readonly PythonStep[]): Promise<unknown[]> {
    return this.#ask('grouped', { steps })
  }

  /** Starts a plan of random-canvas.ts: the ids of its last tasks. */
  planned(plan: object): Promise<string[]> {
    return this.#ask('planned', { plan })
  }

  /** Starts a form of workflow with all its tasks in one queue: the ids of its result and of those before it. */
  formed(form: object, queue: string): Promise<string[]> {
    return this.#ask('formed', { form, queue })
  }

  /** What Python's results show of all that began with these tasks. */
  shape(ids: readonly string[]): Promise<PythonShape[]> {
    return this.#ask('shape', { ids })
  }

  /** What `task.chunks(items, size)` of Python gives. */
  chunks(name: string, items: readonly unknown[], size: number, queue: string): Promise<unknown> {
    return this.#ask('run_chunks', { name, items, size, queue })
  }

  /** The id of a group that was saved. */
  savedGroup(steps: readonly PythonStep[]): Promise<string> {
    return this.#ask('saved', { steps })
  }

  /** What the members of a saved group gave. */
  restoredGroup(id: string): Promise<unknown[]> {
    return this.#ask('restored', { id })
  }

  /** The id of a call with callbacks, which do not take its result. */
  sendLinked(
    step: PythonStep,
    links: { readonly link?: PythonStep; readonly link_error?: PythonStep },
  ): Promise<string> {
    return this.#ask('linked', { step, ...links })
  }

  /** Has a worker take from one more queue, once it said that it does. */
  async addConsumer(queue: string, worker: string): Promise<void> {
    const replies = await this.#ask<unknown[]>('add_consumer', { queue, destination: [worker] })
    if (replies.length !== 1) throw new Error(`${worker} did not answer`)
  }

  /** The names of the workers that answer. */
  async ping(): Promise<string[]> {
    const replies = await this.#ask<Record<string, unknown>[]>('ping', { timeout: 1 })
    return replies.flatMap((reply) => Object.keys(reply))
  }

  /** What workers answer to `app.control.inspect(**options).method(*args)`, by node name. */
  inspect(method: string, args: readonly unknown[] = [], options: object = {}): Promise<Record<string, unknown>> {
    return this.#ask('inspect', { method, args, ...options })
  }

  /** What workers reply to a command of remote control, by node name. */
  async broadcast(command: string, args: object = {}, options: object = {}): Promise<Record<string, unknown>> {
    const replies = await this.#ask<object[]>('broadcast', { command, arguments: args, ...options })
    return Object.assign({}, ...replies) as Record<string, unknown>
  }

  /** Exit code and output of `celery -b redis://… …args`. */
  celery(...args: readonly string[]): Promise<[code: number, output: string]> {
    return this.#ask('celery', { args })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return
    this.#process.stdin?.end()
    await once(this.#process, 'exit')
  }

  async #ask<T>(operation: string, parameters: object): Promise<T> {
    if (this.#process.exitCode !== null) throw new Error(`Python's producer is gone: ${this.#errors}`)
    const id = ++this.#requests
    const waiting = Promise.withResolvers<unknown>()
    this.#waiting.set(id, waiting)
    this.#process.stdin?.write(`${dumpJson({ id, operation, parameters })}\n`)
    return (await waiting.promise) as T
  }

  #answer(line: string): void {
    const reply = loadJson(line) as { ready?: true; id?: number; value?: unknown; error?: string }
    if (reply.ready) return this.#ready.resolve()
    const waiting = this.#waiting.get(reply.id ?? 0)
    this.#waiting.delete(reply.id ?? 0)
    if (reply.error === undefined) waiting?.resolve(reply.value)
    else waiting?.reject(new Error(reply.error))
  }

  #fail(reason: string): void {
    this.#ready.promise.catch(() => undefined)
    this.#ready.reject(new Error(reason))
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(reason))
  }
}

export interface PythonWorkerOptions {
  readonly queues?: string
  /** Default: a pool without child processes, and no talk with other workers, which start faster. */
  readonly args?: readonly string[]
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
  /** The module with the app. */
  readonly app?: string
}

/** A real Celery worker. */
export class PythonWorker implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #ready = Promise.withResolvers<void>()
  readonly nodeName: string
  /** All that it logged. */
  log = ''

  private constructor(process: ChildProcess, nodeName: string) {
    this.#process = process
    this.nodeName = nodeName
    this.#ready.promise.catch(() => undefined)
    const read = (text: Buffer): void => {
      this.log += String(text)
      if (/ ready\.$/m.test(this.log)) this.#ready.resolve()
    }
    process.stdout?.on('data', read)
    process.stderr?.on('data', read)
    process.once('exit', (code) => this.#ready.reject(new Error(`a Python worker ended with ${code}: ${this.log}`)))
  }

  static async start(settings: PythonSettings, options: PythonWorkerOptions = {}): Promise<PythonWorker> {
    const { queues = 'py', name = 'py', env = {}, app = 'interop_app' } = options
    const { args = ['-P', 'solo', '--without-gossip', '--without-mingle'] } = options
    const command = ['-m', 'celery', '-A', app, 'worker', '-l', 'INFO', '-n', `${name}@%h`, ...args]
    const started = startPython(settings, [...command, '-Q', queues], { INTEROP_WORKER: '1', ...env })
    const worker = new PythonWorker(started, `${name}@${os.hostname()}`)
    await worker.#ready.promise
    return worker
  }

  /** As `kill -9`: nothing is said to anybody. Its pool's processes end with it. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    // A group of its own.
    process.kill(-(this.#process.pid ?? 0), 'SIGKILL')
    await once(this.#process, 'exit')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

/** `celery -b redis://… …args` as a process of its own. */
export async function runCelery(
  settings: PythonSettings,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = startPython(settings, ['-m', 'celery', '-b', settings.notes, '-C', ...args])
  let output = ''
  child.stdout?.on('data', (text: Buffer) => (output += String(text)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** A process of Python, in a group of its own. */
export function startPython(
  { python, settings, notes }: PythonSettings,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(python, args, {
    cwd: path.join(here, 'python'),
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
      // A worker started by root in a container warns of it.
      C_FORCE_ROOT: '1',
      INTEROP_SETTINGS: JSON.stringify(settings),
      INTEROP_NOTES: notes,
      ...env,
    },
  })
}
