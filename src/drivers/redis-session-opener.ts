import { setTimeout as sleep } from 'node:timers/promises'
import { OperationalError, Unreachable } from '../errors.ts'
import { describeTarget, type NodeRedisModule, type RedisTarget } from './redis-client.ts'
import type { OpenSession } from './redis-connection.ts'
import { RedisReplyError } from './redis-errors.ts'
import type { RedisOptions } from './redis-options.ts'
import { routeTo, sentinelTarget, type Route } from './redis-route.ts'
import { SentinelWatch } from './redis-sentinel-watch.ts'
import { ClusterFound } from './redis-server-check.ts'
import { RedisSession } from './redis-session.ts'
import type { RedisLocation } from './redis-url.ts'

const firstPauseMs = 50
/** How long an old primary may take itself for one, and a sentinel that was told late too. */
const switchMs = 10_000

/** Opens sessions, each where the route leads at that moment. */
export class SessionOpener {
  readonly options: RedisOptions
  readonly #module: NodeRedisModule
  #location: RedisLocation
  #route: Route
  /** Those that were opened and may not be over. */
  readonly #sessions = new Set<RedisSession>()
  #watch: SentinelWatch | undefined
  /** The primary before the last switch, and until when to stay away from it. */
  #former: { readonly where: string; readonly untilMs: number } | undefined

  constructor(module: NodeRedisModule, location: RedisLocation, options: RedisOptions) {
    this.#module = module
    this.#location = location
    this.options = options
    this.#route = routeTo(location, options, module)
  }

  /** Ends sessions with a server that the sentinels name no more as the primary, from now on. */
  watchSentinels(): void {
    if (this.#location.kind !== 'sentinel' || this.#watch) return
    const sentinels = this.#location.addresses.map((address) => sentinelTarget(address, this.options))
    this.#watch = new SentinelWatch(sentinels, this.#module, this.options, (primary, former) => {
      this.#former = { where: former, untilMs: performance.now() + switchMs }
      for (const session of this.#sessions) {
        if (session.where !== primary) session.end(new Error(`the sentinels name ${primary} as the primary now`))
      }
    })
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]()
  }

  /** Tries again for `socket_connect_timeout` where another attempt may do better; rejects with Unreachable after that. */
  async openFirst(name: string): Promise<RedisSession> {
    const { signal } = new AbortController()
    const giveUpAt = performance.now() + this.options.socketConnectTimeoutMs
    for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
      try {
        return await this.open(name, 2)(true, signal)
      } catch (error) {
        if (!mayPass(error)) throw error
        if (performance.now() + pauseMs >= giveUpAt) throw new Unreachable(error.message, { cause: error.cause })
        await sleep(pauseMs)
      }
    }
  }

  open(name: string, resp: 2 | 3): OpenSession {
    const open: OpenSession = async (isHeld, signal) => {
      const isClusterExpected = this.#location.kind === 'cluster'
      const setup = { module: this.#module, options: this.options, resp, name, isClusterExpected }
      try {
        const target = await this.#route()
        this.#refuseFormer(target)
        const session = await RedisSession.open(target, setup, isHeld, signal)
        for (const each of this.#sessions) if (each.isOver) this.#sessions.delete(each)
        this.#sessions.add(session)
        return session
      } catch (error) {
        if (!(error instanceof ClusterFound)) throw error
        this.#location = { ...this.#location, kind: 'cluster' }
        this.#route = routeTo(this.#location, this.options, this.#module)
        return await open(isHeld, signal)
      }
    }
    return open
  }

  /** The next attempt asks another sentinel. */
  #refuseFormer(target: RedisTarget): void {
    const where = describeTarget(target)
    if (this.#former?.where !== where || performance.now() > this.#former.untilMs) return
    throw new OperationalError(`Redis at ${where} was the primary until now, and not all sentinels know it yet`)
  }
}

/** A server that starts or fails over, in contrast to a wrong password. */
function mayPass(error: unknown): error is OperationalError {
  return error instanceof OperationalError && !(error instanceof RedisReplyError)
}
