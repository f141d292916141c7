import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../services/free-port.ts'
import { until } from '../support/until.ts'
import { startPython, type PythonSettings } from './python-processes.ts'

interface Answer {
  readonly status: number
  readonly body: string
}

/** A real Flower with Python's app. */
export class Flower implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #url: string
  /** All that it logged. */
  log = ''

  private constructor(process: ChildProcess, port: number) {
    this.#process = process
    this.#url = `http://127.0.0.1:${port}`
    for (const stream of [process.stdout, process.stderr])
      stream?.on('data', (text: Buffer) => (this.log += String(text)))
  }

  static async start(settings: PythonSettings): Promise<Flower> {
    const port = await freePort()
    const options = [`--address=127.0.0.1`, `--port=${port}`, '--inspect_timeout=3000']
    // It limits only tasks that its own app knows.
    const args = ['-m', 'celery', '-A', 'interop_app', 'flower', ...options]
    const flower = new Flower(startPython(settings, args, { FLOWER_UNAUTHENTICATED_API: 'true' }), port)
    await until('Flower answers', async () => {
      if (flower.#process.exitCode !== null) throw new Error(`Flower ended: ${flower.log}`)
      return (await flower.get('/healthcheck').catch(() => undefined))?.status === 200
    })
    return flower
  }

  get(path: string): Promise<Answer> {
    return this.#ask(path, { method: 'GET' })
  }

  post(path: string, body?: object): Promise<Answer> {
    return this.#ask(path, { method: 'POST', ...(body && { body: JSON.stringify(body) }) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    process.kill(-(this.#process.pid ?? 0), 'SIGKILL')
    await once(this.#process, 'exit')
  }

  async #ask(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(this.#url + path, init)
    return { status: response.status, body: await response.text() }
  }
}
