import { ImproperlyConfigured, OperationalError } from '../errors.ts'
import type { RedisArgument } from './redis.ts'
import { createNodeRedis, describeTarget, type NodeRedisModule, type RedisTarget } from './redis-client.ts'
import { describeReason } from './redis-errors.ts'
import type { RedisOptions } from './redis-options.ts'
import type { RedisAddress, RedisLocation } from './redis-url.ts'

/** Where to connect now; asked at every connect. */
export type Route = () => Promise<RedisTarget>

/** Asks one server one thing on a connection of its own. */
type Ask = (target: RedisTarget, args: readonly RedisArgument[]) => Promise<unknown>

/** Throws ImproperlyConfigured for sentinels without `master_name`. */
export function routeTo(location: RedisLocation, options: RedisOptions, module: NodeRedisModule): Route {
  const ask: Ask = (target, args) => askOnce(module, options, target, args)
  if (location.kind === 'sentinel') return sentinelRoute(location, options, ask)
  if (location.kind === 'cluster') return clusterRoute(location, options, ask)
  const { path, addresses } = location
  const [server = { host: 'localhost', port: 6379 }] = addresses
  const target = targetOf(location, options, path === undefined ? server : { path })
  return async () => target
}

/** The sentinels are asked in turn, beginning with another at each connect: one that is cut off tells of the past. */
function sentinelRoute(location: RedisLocation, options: RedisOptions, ask: Ask): Route {
  const { masterName } = options
  if (masterName === undefined) {
    throw new ImproperlyConfigured(
      'sentinel:// needs the name of the primary: set master_name in the transport options, for example to mymaster',
    )
  }
  let first = 0
  return async () => {
    const address = await firstAnswer(
      rotated(location.addresses, first++),
      `the sentinels of ${masterName}`,
      async (sentinel) => {
        const reply = await ask(sentinelTarget(sentinel, options), ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName])
        if (Array.isArray(reply)) return { host: String(reply[0]), port: Number(reply[1]) }
        throw new Error(`knows no primary named ${masterName} (master_name)`)
      },
    )
    return targetOf(location, options, address)
  }
}

/** With the login for the sentinels, which may be another than that for the primary. */
export function sentinelTarget(address: RedisAddress, options: RedisOptions): RedisTarget {
  const { sentinelUsername: username, sentinelPassword: password, sentinelSsl: tls } = options
  return { address, username, password, db: 0, tls }
}

/** The node that has the slot of the prefix's hash tag: all keys begin with the prefix. */
function clusterRoute(location: RedisLocation, options: RedisOptions, ask: Ask): Route {
  let nodes = location.addresses
  let first = 0
  return async () => {
    const known = [...rotated(nodes, first++), ...location.addresses]
    const address = await firstAnswer(known, 'the nodes of the cluster', async (node) => {
      const target = targetOf(location, options, node)
      const slot = Number(await ask(target, ['CLUSTER', 'KEYSLOT', options.globalKeyprefix]))
      const ranges = readRanges(await ask(target, ['CLUSTER', 'SLOTS']), node)
      nodes = ranges.map((range) => range.owner)
      const range = ranges.find(({ start, end }) => slot >= start && slot <= end)
      if (!range) throw new Error(`knows no node with slot ${slot}`)
      return range.owner
    })
    return targetOf(location, options, address)
  }
}

interface SlotRange {
  readonly start: number
  readonly end: number
  readonly owner: RedisAddress
}

/** A node that does not know its own host leaves it empty. */
function readRanges(reply: unknown, asked: RedisAddress): SlotRange[] {
  return (reply as [number, number, [string | null, number]][]).map(([start, end, [host, port]]) => ({
    start,
    end,
    owner: { host: host || asked.host, port },
  }))
}

async function firstAnswer<T>(
  addresses: readonly RedisAddress[],
  whom: string,
  answer: (address: RedisAddress) => Promise<T>,
): Promise<T> {
  const problems: string[] = []
  for (const address of addresses) {
    try {
      return await answer(address)
    } catch (error) {
      problems.push(`${describeTarget({ address })}: ${describeReason(error)}`)
    }
  }
  throw new OperationalError(`Redis: none of ${whom} could say where to connect (${problems.join('; ')})`)
}

async function askOnce(
  module: NodeRedisModule,
  { socketConnectTimeoutMs: timeoutMs, socketKeepalive }: RedisOptions,
  target: RedisTarget,
  args: readonly RedisArgument[],
): Promise<unknown> {
  const connection = { resp: 2, keepAlive: socketKeepalive, connectTimeoutMs: timeoutMs } as const
  const client = await createNodeRedis(module, { ...target, db: 0 }, connection)
  const { promise: failed, reject } = Promise.withResolvers<never>()
  client.on('error', reject)
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
  try {
    const asked = client.connect().then(() => client.sendCommand(args))
    return await Promise.race([asked, failed])
  } finally {
    clearTimeout(timer)
    client.destroy()
  }
}

function targetOf(location: RedisLocation, { ssl }: RedisOptions, address: RedisTarget['address']): RedisTarget {
  const { username, password, db, hasTls } = location
  return { address, username, password, db, tls: hasTls || ssl ? (ssl ?? {}) : undefined }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const from = by % Math.max(1, items.length)
  return [...items.slice(from), ...items.slice(0, from)]
}
