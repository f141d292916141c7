import { OperationalError } from '../errors.ts'
import { throwLater } from '../util/throw-later.ts'
import type { RedisArgument, RedisConnection, RedisScript, RedisSendOptions } from './redis.ts'
import { explainReply, RedisConnectionLost } from './redis-errors.ts'
import type { RedisSession } from './redis-session.ts'
import { setLongTimeout } from '../util/long-timeout.ts'

/** Opens the next session; `isHeld`: the attempt keeps the process alive. */
export type OpenSession = (isHeld: boolean, signal: AbortSignal) => Promise<RedisSession>

export interface ConnectionOptions {
  /** Keeps the process alive. */
  readonly isHeld: boolean
  /** One that is open already. */
  readonly session?: RedisSession
  readonly onClosed?: () => void
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const firstPauseMs = 50
const longestPauseMs = 2000
/** How long replies that are outstanding at the end are waited for. */
const lastRepliesMs = 1000

/** Sessions one after the other: when one ends the next is opened, with jittered pauses, until it is disposed of. */
export class ReconnectingConnection implements RedisConnection {
  readonly #open: OpenSession
  readonly #ending = new AbortController()
  readonly #readyListeners = new Set<() => void>()
  readonly #lostListeners = new Set<(reason: Error) => void>()
  readonly #waiters = new Set<Waiter>()
  readonly #onClosed: () => void
  #session: RedisSession | undefined
  #isHeld: boolean
  /** Why there is no session. */
  #reason: Error = new OperationalError('Redis: the connection is being opened')
  /** In a row; a session that was short counts too. */
  #failures = 0
  #since = 0
  #timer: NodeJS.Timeout | undefined

  constructor(open: OpenSession, { isHeld, session, onClosed = () => {} }: ConnectionOptions) {
    this.#open = open
    this.#isHeld = isHeld
    this.#onClosed = onClosed
    if (session) this.#begin(session)
    else void this.#connect()
  }

  get isReady(): boolean {
    return this.#session !== undefined
  }

  /** The session of now, for who needs more than commands. */
  get session(): RedisSession | undefined {
    return this.#session
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#session?.hold(isHeld)
    if (isHeld) this.#timer?.ref()
  }

  send(args: readonly RedisArgument[], options?: RedisSendOptions): Promise<unknown> {
    return this.#session?.send(args, options) ?? Promise.reject(this.#offline(args[0]))
  }

  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
    options?: RedisSendOptions,
  ): Promise<unknown> {
    return this.#session?.scripts.run(script, keys, args, options) ?? Promise.reject(this.#offline('EVALSHA'))
  }

  async transaction(commands: readonly (readonly RedisArgument[])[], options?: RedisSendOptions): Promise<unknown[]> {
    const session = this.#session
    if (!session) throw this.#offline('MULTI')
    const queued = [session.send(['MULTI']), ...commands.map((args) => session.send(args))]
    const executed = session.send(['EXEC'], options)
    const outcomes = await Promise.allSettled([...queued, executed])
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    const replies = (await executed) as unknown[]
    for (const [index, reply] of replies.entries()) {
      if (reply instanceof Error) throw explainReply(session.where, String(commands[index]?.[0]), reply)
    }
    return replies
  }

  ready(timeoutMs?: number): Promise<void> {
    if (this.#session) return Promise.resolve()
    if (this.#ending.signal.aborted) return Promise.reject(this.#reason)
    return new Promise((resolve, reject) => {
      const late = (): void => waiter.reject(this.#reason)
      const timer = timeoutMs === undefined ? undefined : setLongTimeout(late, timeoutMs)
      const end = (settle: () => void): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        settle()
      }
      const waiter: Waiter = { resolve: () => end(resolve), reject: (error) => end(() => reject(error)) }
      this.#waiters.add(waiter)
      this.#timer?.ref()
    })
  }

  onReady(listener: () => void): Disposable {
    return addTo(this.#readyListeners, listener)
  }

  onLost(listener: (reason: Error) => void): Disposable {
    return addTo(this.#lostListeners, listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ending.signal.aborted) return
    const closed = new OperationalError('Redis: the connection was closed')
    await this.#session?.idle(lastRepliesMs)
    this.#ending.abort(closed)
    clearTimeout(this.#timer)
    this.#lostListeners.clear()
    this.#readyListeners.clear()
    this.#session?.end(closed)
    this.#reason = closed
    for (const waiter of this.#waiters) waiter.reject(closed)
    this.#onClosed()
  }

  #begin(session: RedisSession): void {
    this.#session = session
    this.#since = performance.now()
    session.hold(this.#isHeld)
    session.whenEnded((reason) => this.#lost(session, reason))
  }

  #lost(session: RedisSession, reason: Error): void {
    this.#session = undefined
    this.#failures = performance.now() - this.#since < longestPauseMs ? this.#failures + 1 : 0
    this.#reason = new OperationalError(`Redis at ${session.where}: the connection was lost (${reason.message})`, {
      cause: reason,
    })
    if (this.#ending.signal.aborted) return
    this.#later()
    for (const listener of this.#lostListeners) tell(() => listener(this.#reason))
  }

  async #connect(): Promise<void> {
    const { signal } = this.#ending
    try {
      const session = await this.#open(this.#isHeld || this.#waiters.size > 0, signal)
      if (signal.aborted) return session.end(signal.reason)
      this.#begin(session)
      if (!this.isReady) return
      for (const waiter of this.#waiters) waiter.resolve()
      for (const listener of this.#readyListeners) tell(listener)
    } catch (error) {
      if (signal.aborted) return
      this.#reason = error as Error
      this.#failures++
      this.#later()
    }
  }

  /** Soon after the first loss, then with growing pauses. */
  #later(): void {
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#failures, longestPauseMs) * (0.5 + Math.random() / 2)
    this.#timer = setTimeout(() => void this.#connect(), pauseMs)
    if (!this.#isHeld && this.#waiters.size === 0) this.#timer.unref()
  }

  #offline(command: RedisArgument | undefined): RedisConnectionLost {
    return new RedisConnectionLost(`${this.#reason.message}; ${String(command)} was not sent`, {
      mayHaveRun: false,
      cause: this.#reason,
    })
  }
}

function tell(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    throwLater(error)
  }
}

function addTo<T>(listeners: Set<T>, listener: T): Disposable {
  listeners.add(listener)
  return { [Symbol.dispose]: () => void listeners.delete(listener) }
}
