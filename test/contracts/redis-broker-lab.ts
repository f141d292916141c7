import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import type { PrivateServer } from '../services.ts'
import { redisCommand } from '../support/redis-command.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import type { ProcessLab } from './broker-contract-processes.ts'
import { Child } from './broker-processes.ts'
import { until } from './contract.ts'

/** Silence is noticed within a second. */
const timeouts = { socketTimeout: 0.6, socketConnectTimeout: 1.5, healthCheckInterval: 0.3 }

/** An empty Redis, with a proxy in front of it, and the brokers and processes of one test. */
export class RedisLab implements ProcessLab {
  readonly redis: PrivateServer
  readonly proxy: TcpProxy
  readonly #folder: string
  readonly #children: Child[] = []
  readonly #brokers: Broker[] = []

  private constructor(redis: PrivateServer, proxy: TcpProxy, folder: string) {
    this.redis = redis
    this.proxy = proxy
    this.#folder = folder
  }

  static async open(redis: PrivateServer): Promise<RedisLab> {
    await redisCommand(redis.url, 'FLUSHALL')
    const folder = await mkdtemp(path.join(tmpdir(), 'celeriac-faults-'))
    return new RedisLab(redis, await TcpProxy.open(redis), folder)
  }

  /** A broker with its own connections to the server. */
  broker(options: Readonly<Record<string, unknown>> = {}): Promise<Broker> {
    return this.#open(this.redis.url, options)
  }

  /** One that goes through the proxy. */
  proxied(options: Readonly<Record<string, unknown>> = {}): Promise<Broker> {
    return this.#open(this.proxy.through(this.redis.url), options)
  }

  start(mode: string, prefix = '', count = 0, leaseSeconds = 30): Child {
    const output = path.join(this.#folder, `child-${this.#children.length}.txt`)
    const child = Child.start([mode, this.redis.url, prefix, String(count), String(leaseSeconds)], output)
    this.#children.push(child)
    return child
  }

  run(...args: readonly string[]): Promise<unknown> {
    return redisCommand(this.redis.url, ...args)
  }

  /**
   * Fails unless each message is in one place exactly: a list, or `unacked`; unless `unacked` and its index name the same
   * tags; and unless each of them is lent to a consumer or deferred.
   */
  async checkPlaces(): Promise<void> {
    const ids: string[] = []
    const lent = new Set<string>()
    for (const key of (await this.run('KEYS', '*')) as string[]) {
      const type = String(await this.run('TYPE', key))
      if (type === 'list') ids.push(...((await this.run('LRANGE', key, '0', '-1')) as string[]).map(idOf))
      if (type === 'set' && key.startsWith('celeriac.held.')) {
        for (const tag of (await this.run('SMEMBERS', key)) as string[]) lent.add(tag)
      }
      if (type === 'zset' && key.startsWith('celeriac.delayed.')) {
        // in front of the tag: the step of its priority
        for (const member of (await this.run('ZRANGE', key, '0', '-1')) as string[])
          lent.add(member.replace(/^\d+:/, ''))
      }
    }
    const tags = ((await this.run('HKEYS', 'unacked')) as string[]).toSorted()
    const index = ((await this.run('ZRANGE', 'unacked_index', '0', '-1')) as string[]).toSorted()
    ids.push(...((await this.run('HVALS', 'unacked')) as string[]).map(idOf))
    assert.deepEqual(index, tags, 'unacked and its index do not name the same')
    assert.deepEqual([...lent].toSorted(), tags, 'unacked holds what nobody holds')
    assert.equal(new Set(ids).size, ids.length, 'a message is in two places')
  }

  async isDone(): Promise<boolean> {
    return (await this.run('EXISTS', 'q', 'unacked')) === 0
  }

  /** Waits until nothing waits in `q`, and nothing is lent or deferred. */
  async allDone(): Promise<void> {
    await until(
      () => this.isDone(),
      () => 'everything to be done',
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await child.kill()
    this.proxy.thaw()
    await this.proxy.accept()
    for (const broker of this.#brokers) await broker[Symbol.asyncDispose]()
    await this.proxy[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true })
  }

  async #open(url: string, options: Readonly<Record<string, unknown>>): Promise<Broker> {
    const broker = await openBroker(url, { transportOptions: { ...timeouts, ...options } })
    this.#brokers.push(broker)
    return broker
  }
}

/** The id header, in an envelope of kombu wherever it stands. */
function idOf(text: string): string {
  return /"id": ?"([^"]*)"/.exec(text)?.[1] ?? text
}
