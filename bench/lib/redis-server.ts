import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const startDeadlineMs = 10_000

/** A server of our own on loopback that keeps nothing on disk. */
export class RedisServer implements AsyncDisposable {
  readonly port: number
  readonly #process: ChildProcess

  private constructor(port: number, process: ChildProcess) {
    this.port = port
    this.#process = process
  }

  /** Undefined where the machine has no redis-server. */
  static async start(folder: string): Promise<RedisServer | undefined> {
    const binary = process.env['BENCH_REDIS_SERVER'] ?? 'redis-server'
    if (spawnSync(binary, ['--version'], { stdio: 'ignore' }).status !== 0) return undefined
    const port = await freePort()
    const settings = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ]
    const server = new RedisServer(port, spawn(binary, settings, { stdio: 'ignore' }))
    await server.#answers()
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await ended
  }

  async #answers(): Promise<void> {
    const deadline = performance.now() + startDeadlineMs
    while (!(await accepts(this.port))) {
      if (this.#process.exitCode !== null) throw new Error(`redis-server ended with code ${this.#process.exitCode}`)
      if (performance.now() > deadline) throw new Error(`redis-server does not listen on port ${this.port}`)
      await pause(20)
    }
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
