import { setTimeout as sleep } from 'node:timers/promises'
import { OperationalError } from '../errors.ts'
import type { NodeRedisModule } from './redis-client.ts'
import type { OpenSession } from './redis-connection.ts'
import { RedisReplyError } from './redis-errors.ts'
import type { RedisOptions } from './redis-options.ts'
import { routeTo, sentinelTarget, type Route } from './redis-route.ts'
import { SentinelWatch } from './redis-sentinel-watch.ts'
import { ClusterFound } from './redis-server-check.ts'
import { RedisSession } from './redis-session.ts'
import type { RedisLocation } from './redis-url.ts'

const firstPauseMs = 50

/** Opens sessions, each where the route leads at that moment. */
export class SessionOpener {
  readonly options: RedisOptions
  readonly #module: NodeRedisModule
  #location: RedisLocation
  #route: Route
  /** Those that were opened and may not be over. */
  readonly #sessions = new Set<RedisSession>()
  #watch: SentinelWatch | undefined

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
    this.#watch = new SentinelWatch(sentinels, this.#module, this.options, (primary) => {
      for (const session of this.#sessions) {
        if (session.where !== primary) session.end(new Error(`the sentinels name ${primary} as the primary now`))
      }
    })
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]()
  }

  /** Tries again for `socket_connect_timeout` where another attempt may do better. */
  async openFirst(name: string): Promise<RedisSession> {
    const { signal } = new AbortController()
    const giveUpAt = performance.now() + this.options.socketConnectTimeoutMs
    for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
      try {
        return await this.open(name, 2)(true, signal)
      } catch (error) {
        if (!mayPass(error) || performance.now() + pauseMs >= giveUpAt) throw error
        await sleep(pauseMs)
      }
    }
  }

  open(name: string, resp: 2 | 3): OpenSession {
    const open: OpenSession = async (isHeld, signal) => {
      const isClusterExpected = this.#location.kind === 'cluster'
      const setup = { module: this.#module, options: this.options, resp, name, isClusterExpected }
      try {
        const session = await RedisSession.open(await this.#route(), setup, isHeld, signal)
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
}

/** A server that starts or fails over, in contrast to a wrong password. */
function mayPass(error: unknown): boolean {
  return error instanceof OperationalError && !(error instanceof RedisReplyError)
}
