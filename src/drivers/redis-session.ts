import { CeleriacError, OperationalError } from '../errors.ts'
import type { RedisArgument, RedisSendOptions } from './redis.ts'
import {
  createNodeRedis,
  describeTarget,
  type NodeRedis,
  type NodeRedisModule,
  type RedisTarget,
} from './redis-client.ts'
import {
  describeReason,
  explainReply,
  isOutOfService,
  lostBeforeReply,
  notSent,
  RedisConnectionLost,
} from './redis-errors.ts'
import type { RedisOptions } from './redis-options.ts'
import { OutstandingReplies } from './redis-outstanding.ts'
import { checkServer, ClusterFound, readHello, type RedisServer } from './redis-server-check.ts'
import { SessionScripts } from './redis-session-scripts.ts'
import { Watchdog } from './redis-watchdog.ts'

export interface SessionOptions {
  readonly module: NodeRedisModule
  readonly options: RedisOptions
  readonly resp: 2 | 3
  /** What the connection is for, such as `commands`. */
  readonly name: string
  readonly isClusterExpected: boolean
}

/**
 * One connection from its start to its end. It ends when the socket does, when the server stays silent, or when it turns
 * out not to be the one to ask.
 */
export class RedisSession {
  readonly where: string
  readonly scripts: SessionScripts = new SessionScripts((args, options) => this.send(args, options))
  server: RedisServer | undefined
  readonly #client: NodeRedis
  readonly #setup: SessionOptions
  readonly #watchdog: Watchdog
  readonly #replies = new OutstandingReplies((isNeeded) => this.#keepAlive(isNeeded))
  #endReason: Error | undefined
  #onEnd: ((reason: Error) => void) | undefined

  private constructor(where: string, client: NodeRedis, setup: SessionOptions) {
    this.where = where
    this.#client = client
    this.#setup = setup
    this.#watchdog = new Watchdog(setup.options, {
      isWaiting: () => this.#replies.areThere,
      ask: () => void this.#check().catch((error: unknown) => this.end(error)),
      giveUp: (reason) => this.end(reason),
    })
    client.on('error', (error) => this.end(error))
  }

  /** Rejects with OperationalError when that took longer than `socket_connect_timeout`, or when `signal` aborts. */
  static async open(
    target: RedisTarget,
    setup: SessionOptions,
    isHeld: boolean,
    signal: AbortSignal,
  ): Promise<RedisSession> {
    const timeoutMs = setup.options.socketConnectTimeoutMs
    const client = await createNodeRedis(setup.module, target, {
      resp: setup.resp,
      keepAlive: setup.options.socketKeepalive,
      connectTimeoutMs: timeoutMs,
      name: setup.options.clientName ?? `celeriac-${setup.name}`,
    })
    const session = new RedisSession(describeTarget(target), client, setup)
    session.hold(isHeld)
    const onLate = (): void => session.end(new Error(`no answer within ${timeoutMs / 1000} s`))
    const timer = setTimeout(onLate, timeoutMs)
    if (!isHeld) timer.unref()
    const onAbort = (): void => session.end(signal.reason)
    signal.addEventListener('abort', onAbort)
    try {
      signal.throwIfAborted()
      await session.#connect()
      await session.#check()
    } catch (error) {
      session.end(error)
      throw session.#cannotConnect()
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    session.#watchdog.start()
    return session
  }

  get isOver(): boolean {
    return this.#endReason !== undefined
  }

  send(args: readonly RedisArgument[], options?: RedisSendOptions): Promise<unknown> {
    if (this.#endReason) return Promise.reject(notSent(this.where, args[0], this.#endReason))
    if (options?.blocksMs) this.#watchdog.allow(options.blocksMs)
    const reply = this.#client.sendCommand(args, options?.asBytes ? this.#setup.module.asBytes : undefined)
    return this.#track(reply, args[0])
  }

  /** Gives a subscription command to the client; `command` is its name. */
  pubSub(command: string, give: (client: NodeRedis) => Promise<void>): Promise<unknown> {
    if (this.#endReason) return Promise.reject(notSent(this.where, command, this.#endReason))
    return this.#track(give(this.#client), command)
  }

  /** A message came, which is a sign of life: the reply that is waited for may stand behind many of them. */
  heard(): void {
    this.#watchdog.replies++
  }

  /** `isHeld`: it keeps the process alive also while it is idle. */
  hold(isHeld: boolean): void {
    this.#replies.hold(isHeld)
  }

  /** Resolves when every reply is there, but no later than in `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    if (!this.#watchdog.isAllowing) await this.#replies.ended(timeoutMs)
  }

  /** `listener` is called once, at the end, and at once where that was before. */
  whenEnded(listener: (reason: Error) => void): void {
    if (this.#endReason) listener(this.#endReason)
    else this.#onEnd = listener
  }

  /** Everything that waits for a reply is rejected. */
  end(reason: unknown): void {
    if (this.#endReason) return
    this.#endReason = reason instanceof Error ? reason : new Error(String(reason))
    this.#watchdog.stop()
    this.#client.destroy()
    this.#onEnd?.(this.#endReason)
  }

  async #connect(): Promise<void> {
    await this.#client.connect()
    // Ended while the socket was connecting, which the client overlooks.
    if (this.#endReason) this.#client.destroy()
  }

  /** HELLO tells the role, PING fails where data is not there yet. */
  async #check(): Promise<void> {
    const [hello] = await Promise.all([this.send(['HELLO', String(this.#setup.resp)]), this.send(['PING'])])
    this.server = readHello(hello)
    const { options, isClusterExpected } = this.#setup
    checkServer(this.server, this.where, options.globalKeyprefix, isClusterExpected)
  }

  #track(reply: Promise<unknown>, command: RedisArgument | undefined): Promise<unknown> {
    this.#replies.begin()
    return reply.then(this.#onReply, (error: unknown) => this.#onError(error, command))
  }

  readonly #onReply = (reply: unknown): unknown => {
    this.#watchdog.replies++
    this.#replies.end()
    return reply
  }

  #onError(error: unknown, command: RedisArgument | undefined): never {
    this.#replies.end()
    // A mistake of the caller, such as an argument that is neither text nor bytes.
    if (error instanceof TypeError) throw error
    if (!(error instanceof this.#setup.module.ErrorReply)) {
      this.end(error)
      throw lostBeforeReply(this.where, command, this.#endReason)
    }
    this.#watchdog.replies++
    if (!isOutOfService(error.message)) throw explainReply(this.where, String(command), error)
    this.end(error)
    throw notSent(this.where, command, this.#endReason)
  }

  #keepAlive(isNeeded: boolean): void {
    if (this.#endReason) return
    if (isNeeded) this.#client.ref()
    else this.#client.unref()
  }

  #cannotConnect(): Error {
    const reason = this.#endReason
    if (reason instanceof ClusterFound) return reason
    if (reason instanceof CeleriacError && !(reason instanceof RedisConnectionLost)) return reason
    if (reason instanceof this.#setup.module.ErrorReply && !isOutOfService(reason.message)) {
      return explainReply(this.where, 'the login', reason)
    }
    return new OperationalError(`Redis at ${this.where} cannot be reached: ${describeReason(reason)}`, {
      cause: reason,
    })
  }
}
