import { readFile } from 'node:fs/promises'
import type { RedisClientOptions } from '@redis/client'
import { ImproperlyConfigured } from '../errors.ts'
import type { RedisArgument } from './redis.ts'
import type { RedisTlsOptions } from './redis-tls-options.ts'
import type { RedisAddress } from './redis-url.ts'

/** What is used of a client of node-redis. */
export interface NodeRedis {
  connect(): Promise<unknown>
  /** Harmless at any time; what waits for a reply is rejected. */
  destroy(): void
  sendCommand(args: readonly RedisArgument[], options?: object): Promise<unknown>
  subscribe(channels: string[], listener: (text: string, channel: string) => void): Promise<void>
  unsubscribe(channels: string[], listener: (text: string, channel: string) => void): Promise<void>
  pSubscribe(patterns: string[], listener: (text: string, channel: string) => void): Promise<void>
  pUnsubscribe(patterns: string[], listener: (text: string, channel: string) => void): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  ref(): void
  unref(): void
}

/** The package, as far as it is used. */
export interface NodeRedisModule {
  createClient(options: RedisClientOptions): NodeRedis
  /** What the server replied, in contrast to what happened to the connection. */
  readonly ErrorReply: abstract new () => Error
  /** Command options that leave texts of replies as Buffers. */
  readonly asBytes: object
}

/** Where and as whom to connect. */
export interface RedisTarget {
  readonly address: RedisAddress | { readonly path: string }
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  /** Undefined: without TLS. */
  readonly tls: RedisTlsOptions | undefined
}

/** Throws ImproperlyConfigured where the package is not installed. */
export async function importNodeRedis(): Promise<NodeRedisModule> {
  try {
    const { RedisClient, ErrorReply, RESP_TYPES } = await import('@redis/client')
    return {
      // Not `createClient`: it makes a class with hundreds of methods for each set of options.
      createClient: (options) => new RedisClient(options) as unknown as NodeRedis,
      ErrorReply,
      asBytes: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new ImproperlyConfigured(
      'Redis needs the package @redis/client, which is not installed: npm install @redis/client',
      { cause: error },
    )
  }
}

/** `127.0.0.1:6379`, or the path of the socket. */
export function describeTarget({ address }: Pick<RedisTarget, 'address'>): string {
  if ('path' in address) return address.path
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}

/**
 * How much is written in one turn of the event loop. What is beyond it waits for the next, which may come late, and what
 * the server could have answered meanwhile waits as well; Node's own bound is 64 KB. Bytes.
 */
const longestWrite = 1024 * 1024

/** One client for one connection: it never reconnects, queues nothing while offline and has no timers. */
export async function createNodeRedis(
  module: NodeRedisModule,
  target: RedisTarget,
  options: {
    readonly resp: 2 | 3
    readonly keepAlive: boolean
    readonly connectTimeoutMs: number
    readonly name?: string
  },
): Promise<NodeRedis> {
  const { username, password, db, tls } = target
  const common = {
    reconnectStrategy: false,
    connectTimeout: options.connectTimeoutMs,
    writableHighWaterMark: longestWrite,
  } as const
  const transport = { keepAlive: options.keepAlive, keepAliveInitialDelay: 10_000 }
  const socket =
    'path' in target.address
      ? { ...common, path: target.address.path }
      : { ...common, ...transport, ...target.address, ...(tls && (await readTlsFiles(tls, target.address.host))) }
  return module.createClient({
    socket,
    RESP: options.resp as 3,
    database: db,
    ...(options.name === undefined ? {} : { name: options.name }),
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    // A deadline of its own for each command would cost more than the command.
    commandOptions: { timeout: 0 },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  })
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new ImproperlyConfigured(`A file for TLS to Redis cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Read at each connect: certificates are renewed under the same name. */
async function readTlsFiles(tls: RedisTlsOptions, host: string): Promise<object> {
  const pem = async (name: 'ca' | 'cert' | 'key'): Promise<object> => {
    const value = tls[name]
    if (value === undefined) return {}
    return { [name]: value.includes('-----BEGIN') ? value : await readPem(value) }
  }
  const isName = !/^[\d.]+$|:/.test(host)
  return {
    tls: true,
    ...(await pem('ca')),
    ...(await pem('cert')),
    ...(await pem('key')),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    ...(isName || tls.servername ? { servername: tls.servername ?? host } : {}),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
    ...(tls.checksHostname === false ? { checkServerIdentity: () => undefined } : {}),
  }
}
