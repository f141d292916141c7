import type { ResultBackend } from '../backends/backend.ts'
import { isRedisBackend, openBackend } from '../backends/open-backend.ts'
import type { Broker } from '../brokers/broker.ts'
import { openBroker, withBroadcastQueues } from '../brokers/open-broker.ts'
import { Codec } from './codec.ts'
import type { Config } from './config.ts'
import { ResultWatcher } from './result-watcher.ts'

export interface ConnectionOptions {
  /** Opened and closed by the caller, instead of what the settings say. */
  readonly broker: Broker | undefined
  readonly backend: ResultBackend | undefined
  config(): Config
  warn(text: string): void
}

/** What an app has open, each opened at the first use. One that could not be opened is tried again by the next who asks. */
export class Connections {
  readonly #options: ConnectionOptions
  #broker: Promise<Broker> | undefined
  #backend: Promise<ResultBackend> | undefined
  #watcher: Promise<ResultWatcher> | undefined
  #codec: Promise<Codec> | undefined
  /** The broker without a turn of the event loop, while it is open. */
  openedBroker: Broker | undefined
  /** The watcher without a turn of the event loop, while it is open. */
  openedWatcher: ResultWatcher | undefined
  /** The codec without a turn of the event loop, once it is open. */
  openedCodec: Codec | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  broker(): Promise<Broker> {
    this.#broker ??= forgotten(this.#openBroker(), () => (this.#broker = undefined))
    return this.#broker
  }

  backend(): Promise<ResultBackend> {
    this.#backend ??= forgotten(this.#openBackend(), () => (this.#backend = undefined))
    return this.#backend
  }

  watcher(): Promise<ResultWatcher> {
    this.#watcher ??= forgotten(
      this.backend().then((backend) => (this.openedWatcher = new ResultWatcher(backend))),
      () => (this.#watcher = undefined),
    )
    return this.#watcher
  }

  codec(): Promise<Codec> {
    this.#codec ??= forgotten(this.#openCodec(), () => (this.#codec = undefined))
    return this.#codec.then((codec) => (this.openedCodec = codec))
  }

  /** False without a result backend. */
  get keepsResults(): boolean {
    return this.#options.backend !== undefined || !this.#backendUrl.startsWith('disabled:')
  }

  /** No worker of Celery can read the broker's store. */
  get isOwnStore(): boolean {
    return this.#options.broker === undefined && isOwnUrl(this.#options.config().broker.url)
  }

  /** Closes what was opened here, results first: their stores may share a file with the broker. */
  async close(): Promise<void> {
    const [watcher, backend, broker] = [this.#watcher, this.#backend, this.#broker]
    this.#watcher = this.#backend = this.#broker = this.openedBroker = this.openedWatcher = undefined
    await (await ifOpened(watcher))?.[Symbol.asyncDispose]()
    if (!this.#options.backend) await (await ifOpened(backend))?.[Symbol.asyncDispose]()
    if (!this.#options.broker) await (await ifOpened(broker))?.[Symbol.asyncDispose]()
  }

  get #backendUrl(): string {
    return this.#options.config().result.backend ?? 'disabled:'
  }

  async #openCodec(): Promise<Codec> {
    const { acceptContent, task, result } = this.#options.config()
    const codec = await Codec.open(acceptContent, [task.serializer], task.maxMessageSize)
    if (this.#hasForeignReaders) await codec.prepareResults(result.serializer)
    return codec
  }

  /** Others may read the results: they are written as the settings say. */
  get #hasForeignReaders(): boolean {
    return this.#options.backend === undefined && this.keepsResults && !isOwnUrl(this.#backendUrl)
  }

  async #openBroker(): Promise<Broker> {
    const { broker, task, event } = this.#options.config()
    const { connectionTimeoutMs, useSsl } = broker
    const transportOptions = withSsl(broker.transportOptions, useSsl)
    const options = { transportOptions, connectionTimeoutMs, eventExchange: event.exchange }
    const opened = this.#options.broker ?? (await openBroker(broker.url, options))
    return (this.openedBroker = await withBroadcastQueues(opened, task.broadcastQueues, task.defaultQueue))
  }

  async #openBackend(): Promise<ResultBackend> {
    if (this.#options.backend) return this.#options.backend
    const { result, redisBackendUseSsl } = this.#options.config()
    const { expiresMs, extended, backendTransportOptions, serializer, acceptContent } = result
    if (serializer !== 'json' && isOwnUrl(this.#backendUrl)) {
      const [scheme] = this.#backendUrl.split(':')
      this.#options.warn(
        `result_serializer is ${serializer}, and has no effect: a result backend of ${scheme}: keeps results in JSON, and only celeriac reads it`,
      )
    }
    const ssl = isRedisBackend(this.#backendUrl) ? redisBackendUseSsl : false
    const transportOptions = withSsl(backendTransportOptions, ssl)
    return await openBackend(this.#backendUrl, { expiresMs, extended, serializer, acceptContent, transportOptions })
  }
}

/** What the transport options say themselves counts. */
function withSsl(
  options: Readonly<Record<string, unknown>>,
  ssl: Config['redisBackendUseSsl'],
): Readonly<Record<string, unknown>> {
  return ssl === undefined || ssl === false ? options : { ssl, ...options }
}

function forgotten<T>(opening: Promise<T>, forget: () => void): Promise<T> {
  opening.catch(forget)
  return opening
}

/** Of a store that only celeriac can read. */
function isOwnUrl(url: string): boolean {
  return /^(memory|sqlite):/i.test(url)
}

/** Whoever asked for what cannot be opened was told why. */
function ifOpened<T>(opening: Promise<T> | undefined): Promise<T | undefined> | undefined {
  return opening?.catch(() => undefined)
}
