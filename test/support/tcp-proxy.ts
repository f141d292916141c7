import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

interface Line {
  readonly near: Socket
  readonly far: Socket
  /** The reply to what was sent last is thrown away, and the connection cut. */
  losesReply: boolean
  /** Bytes of replies that still pass before the connection is cut. */
  passes: number
}

/**
 * Stands between a client and a server of this machine, and does what networks do. Cuts are resets, at once, and what
 * was under way is lost.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #target: { readonly host: string; readonly port: number }
  readonly #lines = new Set<Line>()
  #port = 0
  #isFrozen = false
  #losing: string | undefined

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
    this.#server = createServer((near) => this.#accept(near))
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    await proxy.accept()
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** The URL of the server, with this proxy in its place. */
  through(url: string): string {
    return url.replace(`:${this.#target.port}`, `:${this.#port}`)
  }

  get connections(): number {
    return this.#lines.size
  }

  /** Cuts what is connected now. New connections are taken. How many there were. */
  cut(): number {
    const lines = [...this.#lines]
    for (const line of lines) this.#cutLine(line)
    return lines.length
  }

  /** Each connection of now is cut in the middle of what the server says next. How many there are. */
  cutWithinReply(afterBytes = 3): number {
    for (const line of this.#lines) line.passes = afterBytes
    return this.#lines.size
  }

  /** The next request that holds `text` reaches the server, whose reply does not come back: the connection is cut. */
  loseReplyTo(text: string): void {
    this.#losing = text
  }

  /** Whether a reply is still to be lost. */
  get isLosing(): boolean {
    return this.#losing !== undefined
  }

  /** Silence in both directions, without an end: as behind a firewall that forgot the connections. New ones get none either. */
  freeze(): void {
    this.#isFrozen = true
    for (const { near, far } of this.#lines) {
      near.pause()
      far.pause()
    }
  }

  /** Goes on. With `forgets` the connections of before stay silent, as after a firewall that forgot them. */
  thaw({ forgets = false }: { readonly forgets?: boolean } = {}): void {
    this.#isFrozen = false
    if (forgets) return
    for (const { near, far } of this.#lines) {
      near.resume()
      far.resume()
    }
  }

  /** Cuts everything, and refuses new connections until `accept`. */
  async refuse(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }

  async accept(): Promise<void> {
    if (this.#server.listening) return
    const listening = once(this.#server, 'listening')
    this.#server.listen(this.#port, '127.0.0.1')
    await listening
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.refuse()
    else this.cut()
  }

  #accept(near: Socket): void {
    const far = connect(this.#target)
    const line: Line = { near, far, losesReply: false, passes: Number.POSITIVE_INFINITY }
    this.#lines.add(line)
    near.setNoDelay(true)
    far.setNoDelay(true)
    near.on('data', (chunk: Buffer) => this.#request(line, chunk))
    far.on('data', (chunk: Buffer) => this.#reply(line, chunk))
    for (const socket of [near, far]) {
      socket.on('error', () => this.#cutLine(line))
      socket.on('close', () => this.#cutLine(line))
    }
    near.on('end', () => far.end())
    far.on('end', () => near.end())
    if (this.#isFrozen) {
      near.pause()
      far.pause()
    }
  }

  #request(line: Line, chunk: Buffer): void {
    if (this.#losing !== undefined && chunk.includes(this.#losing)) {
      this.#losing = undefined
      line.losesReply = true
    }
    if (!line.far.write(chunk)) {
      line.near.pause()
      line.far.once('drain', () => this.#isFrozen || line.near.resume())
    }
  }

  #reply(line: Line, chunk: Buffer): void {
    if (line.losesReply) return this.#cutLine(line)
    if (chunk.length <= line.passes) {
      line.passes -= chunk.length
      line.near.write(chunk)
      return
    }
    // An end, not a reset: that could overtake the bytes.
    line.near.end(chunk.subarray(0, line.passes))
    line.passes = 0
    line.far.pause()
  }

  #cutLine(line: Line): void {
    if (!this.#lines.delete(line)) return
    for (const socket of [line.near, line.far]) cutSocket(socket)
  }
}

/** libuv resets no socket that is being shut down, and Node then waits for it for ever at its end. */
function cutSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
