import { createClient } from '@redis/client'
import type { Broker } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'

let stores = 0

/** Keys of its own in a shared server: brokers that use them, and a way to them past the brokers. */
export class RedisStore implements AsyncDisposable {
  readonly prefix: string = `store-${process.pid}-${stores++}:`
  readonly #url: string
  readonly #client: ReturnType<typeof createClient>
  readonly #brokers: Broker[] = []

  private constructor(url: string) {
    this.#url = url
    this.#client = createClient({ url })
  }

  static async open(url: string): Promise<RedisStore> {
    const store = new RedisStore(url)
    await store.#client.connect()
    return store
  }

  async broker(options: Readonly<Record<string, unknown>> = {}): Promise<Broker> {
    const broker = await openBroker(this.#url, { transportOptions: { global_keyprefix: this.prefix, ...options } })
    this.#brokers.push(broker)
    return broker
  }

  /** A command about one key, which is named without the prefix. */
  run(command: string, key: string, ...args: readonly (string | Buffer)[]): Promise<unknown> {
    return this.#client.sendCommand([command, this.prefix + key, ...args])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const broker of this.#brokers) await broker[Symbol.asyncDispose]()
    await this.#client.close()
  }
}
