import {
  createNodeRedis,
  describeTarget,
  type NodeRedis,
  type NodeRedisModule,
  type RedisTarget,
} from './redis-client.ts'
import type { RedisOptions } from './redis-options.ts'

const lookEveryMs = 1000
/** Looks without an answer, after which the next sentinel is asked. */
const longestSilence = 3

/**
 * Notices that a sentinel names another primary than before. The old one, if it lives, is told only some seconds later
 * that it is a replica, and forgets what it takes until then. A sentinel that never changes its mind may be cut off, so
 * it says nothing about the connections there are.
 */
export class SentinelWatch {
  readonly #sentinels: readonly RedisTarget[]
  readonly #module: NodeRedisModule
  readonly #options: RedisOptions
  readonly #onSwitch: (primary: string, former: string) => void
  readonly #timer: NodeJS.Timeout
  #next = 0
  #client: NodeRedis | undefined
  #isAsking = false
  #silence = 0
  /** As the sentinel that is asked now said it last. */
  #primary: string | undefined

  constructor(
    sentinels: readonly RedisTarget[],
    module: NodeRedisModule,
    options: RedisOptions,
    onSwitch: (primary: string, former: string) => void,
  ) {
    this.#sentinels = sentinels
    this.#module = module
    this.#options = options
    this.#onSwitch = onSwitch
    this.#timer = setInterval(() => this.#look(), lookEveryMs).unref()
    this.#look()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#leave(this.#client)
  }

  #look(): void {
    if (this.#isAsking) {
      if (++this.#silence >= longestSilence) this.#leave(this.#client)
      return
    }
    this.#isAsking = true
    this.#silence = 0
    this.#ask().catch(() => this.#leave(this.#client))
  }

  async #ask(): Promise<void> {
    const client = this.#client ?? (await this.#connect())
    const reply = await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#options.masterName ?? ''])
    if (client !== this.#client) return
    this.#isAsking = false
    if (!Array.isArray(reply)) return
    const primary = describeTarget({ address: { host: String(reply[0]), port: Number(reply[1]) } })
    const before = this.#primary
    this.#primary = primary
    if (before !== undefined && before !== primary) this.#onSwitch(primary, before)
  }

  async #connect(): Promise<NodeRedis> {
    const sentinel = this.#sentinels[this.#next++ % this.#sentinels.length] as RedisTarget
    const { socketKeepalive: keepAlive, socketConnectTimeoutMs: connectTimeoutMs } = this.#options
    const client = await createNodeRedis(this.#module, sentinel, { resp: 2, keepAlive, connectTimeoutMs })
    this.#client = client
    this.#primary = undefined
    client.on('error', () => this.#leave(client))
    client.unref()
    await client.connect()
    return client
  }

  /** The next look asks the next sentinel. */
  #leave(client: NodeRedis | undefined): void {
    client?.destroy()
    if (client !== this.#client) return
    this.#client = undefined
    this.#isAsking = false
  }
}
