import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import type { Command, ServerKind, ServerPlace, ServerSettings } from './server-kind.ts'

/** Debian's nobody: servers refuse to run as root. */
const nobody = 65_534
const isRoot = process.getuid?.() === 0
const unprivileged = isRoot ? { uid: nobody, gid: nobody } : {}
const startWithinMs = 90_000

/** One server of our own, in a folder and on a port of its own. */
export class ServerProcess {
  readonly place: ServerPlace
  readonly #kind: ServerKind
  #server: ChildProcess | undefined
  #companion: ChildProcess | undefined
  #output = ''

  private constructor(kind: ServerKind, place: ServerPlace) {
    this.#kind = kind
    this.place = place
  }

  static async create(
    kind: ServerKind,
    program: string,
    folder: string,
    settings: ServerSettings = {},
  ): Promise<ServerProcess> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    if (isRoot) await chown(folder, nobody, nobody)
    const server = new ServerProcess(kind, { folder, program, port: await freePort(), settings })
    for (const command of (await kind.setUp?.(server.place)) ?? []) await server.#complete(command)
    await server.start()
    return server
  }

  get pid(): number | undefined {
    return this.#server?.pid
  }

  async start(): Promise<void> {
    if (this.#server) return
    const companion = await this.#kind.companion?.(this.place)
    if (companion) {
      this.#companion = this.#spawn(companion)
      await listening(companion.port)
    }
    this.#output = ''
    const server = this.#spawn(this.#kind.start(this.place))
    this.#server = server
    await this.#ready(server)
  }

  async stop(): Promise<void> {
    const processes = [this.#server, this.#companion].filter((child) => child !== undefined)
    this.#server = undefined
    this.#companion = undefined
    await Promise.all(processes.map((child) => ended(child, this.#kind.stopSignal)))
  }

  async #complete(command: Command): Promise<void> {
    const child = this.#spawn(command)
    const { promise, resolve } = Promise.withResolvers<number | null>()
    child.once('close', resolve)
    const code = await promise
    if (code !== 0) throw new Error(`${command.program} failed (${code}): ${this.#output.slice(-2000)}`)
  }

  async #ready(server: ChildProcess): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (what: string): void => reject(new Error(`${server.spawnfile} ${what}: ${this.#output.slice(-2000)}`))
    const timer = setTimeout(() => fail(`was not ready within ${startWithinMs / 1000} s`), startWithinMs)
    const look = (): void => void (this.#kind.ready.test(this.#output) && resolve())
    const end = (code: number | null): void => fail(`ended (${code}) before it was ready`)
    server.stdout?.on('data', look)
    server.stderr?.on('data', look)
    server.once('close', end)
    try {
      await promise
    } catch (error) {
      await this.stop()
      throw error
    } finally {
      clearTimeout(timer)
      server.stdout?.off('data', look)
      server.stderr?.off('data', look)
      server.off('close', end)
    }
  }

  /** In a process group of its own, which ends with us even if we are killed. */
  #spawn({ program, args, env }: Command): ChildProcess {
    const tied = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', program] : [program]
    const [file = program, ...first] = tied
    const child = spawn(file, [...first, ...args], {
      ...unprivileged,
      cwd: this.place.folder,
      detached: true,
      env: { ...process.env, LC_ALL: 'C', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (chunk: Buffer): void => void (this.#output = (this.#output + chunk.toString()).slice(-16_000))
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => keep(Buffer.from(error.message)))
    return child
  }
}

async function listening(port: number): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(20)) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    const isOpen = await promise
    socket.destroy()
    if (isOpen) return
  }
  throw new Error(`nothing listens on port ${port}`)
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const { promise, resolve } = Promise.withResolvers<void>()
  child.once('close', () => resolve())
  signalGroup(child, 'SIGCONT')
  signalGroup(child, signal)
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), 10_000)
  await promise
  clearTimeout(timer)
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
