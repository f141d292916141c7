import { setTimeout as sleep } from 'node:timers/promises'
import { OperationalError } from '../errors.ts'
import type { NodeRedisModule } from './redis-client.ts'
import type { OpenSession } from './redis-connection.ts'
import { RedisReplyError } from './redis-errors.ts'
import type { RedisOptions } from './redis-options.ts'
import { routeTo, type Route } from './redis-route.ts'
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

  constructor(module: NodeRedisModule, location: RedisLocation, options: RedisOptions) {
    this.#module = module
    this.#location = location
    this.options = options
    this.#route = routeTo(location, options, module)
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
        return await RedisSession.open(await this.#route(), setup, isHeld, signal)
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
