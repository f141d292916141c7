import { setTimeout as sleep } from 'node:timers/promises'
import { redisCommand, redisInfo } from '../support/redis-command.ts'
import { until } from '../support/until.ts'
import { privateServer, type Missing, type PrivateServer } from './service.ts'

/** A master, a replica, and three Sentinels that notice within a second that the master is gone. */
export interface ReplicatedRedis extends AsyncDisposable {
  /** `sentinel://…;sentinel://…;sentinel://…/0` */
  readonly url: string
  readonly masterName: string
  readonly sentinels: readonly PrivateServer[]
  /** The one that the Sentinels name now. */
  master(): Promise<PrivateServer>
  replica(): Promise<PrivateServer>
  /** Has the Sentinels promote the replica, or waits until they have done so because the master is gone. */
  failedOver(from: PrivateServer, options?: { readonly isAsked: boolean }): Promise<void>
}

const masterName = 'mymaster'
/** Redis's own. With less the other Sentinels take a replica that one of them promotes for a mistake, and undo it. */
const publishPeriodMs = 2000

export async function replicatedRedis(): Promise<ReplicatedRedis | Missing> {
  const first = await privateServer('redis')
  if ('missing' in first) return first
  const second = await started('redis', { replicaof: `${first.host} ${first.port}` })
  const servers = [first, second]
  await follows(second)
  const settings = {
    'sentinel monitor': `${masterName} ${first.host} ${first.port} 2`,
    'sentinel down-after-milliseconds': `${masterName} 1000`,
    'sentinel failover-timeout': `${masterName} 1500`,
  }
  const sentinels = [await started('sentinel', settings), await started('sentinel', settings)]
  sentinels.push(await started('sentinel', settings))
  // Not the period of pings: no replica would be new enough to be chosen.
  for (const sentinel of sentinels) {
    await debug(sentinel, { 'info-period': 300, 'ask-period': 100, 'publish-period': 200 })
  }
  const named = async (): Promise<PrivateServer> => {
    const [sentinel = first] = sentinels
    const [, port] = (await ask(sentinel, 'GET-MASTER-ADDR-BY-NAME', masterName)) as string[]
    return servers.find((server) => server.port === Number(port)) ?? first
  }
  await until('the Sentinels know each other and the replica', async () => {
    const known = await Promise.all(sentinels.map(counts))
    return known.every((count) => count === '2 others, 1 replica')
  })
  const setPublishPeriod = async (ms: number): Promise<void> => {
    for (const sentinel of sentinels) await debug(sentinel, { 'publish-period': ms })
  }
  await setPublishPeriod(publishPeriodMs)
  return {
    url: `${sentinels.map(({ host, port }) => `sentinel://${host}:${port}`).join(';')}/0`,
    masterName,
    sentinels,
    master: named,
    replica: async () => ((await named()) === first ? second : first),
    failedOver: async (from, { isAsked } = { isAsked: false }) => {
      const [sentinel = first] = sentinels
      const other = from === first ? second : first
      if (isAsked) {
        await setPublishPeriod(200)
        await follows(other)
        await setPublishPeriod(publishPeriodMs)
      }
      await until('the Sentinels name the other', async () => {
        if ((await named()) === other) return true
        // Refused while one is under way, and once it was given up; then it is asked for again.
        if (isAsked) await ask(sentinel, 'FAILOVER', masterName).catch(() => undefined)
        await sleep(100)
        return false
      })
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...sentinels, ...servers].map((server) => server.stop()))
    },
  }
}

async function started(...args: Parameters<typeof privateServer>): Promise<PrivateServer> {
  const server = await privateServer(...args)
  if ('missing' in server) throw new Error(server.missing)
  return server
}

/** Also one that was the master, and is not told yet that it is not. */
async function follows({ url }: PrivateServer): Promise<void> {
  const isUp = async (): Promise<boolean> => (await redisInfo(url, 'replication', 'master_link_status')) === 'up'
  await until('the replica follows', isUp)
}

function ask({ host, port }: PrivateServer, ...args: readonly string[]): Promise<unknown> {
  return redisCommand(`redis://${host}:${port}`, 'SENTINEL', ...args)
}

/** Sentinels of Redis 7 can be told to look at their servers more often than is good for a network. */
async function debug(sentinel: PrivateServer, periodsMs: Readonly<Record<string, number>>): Promise<void> {
  await ask(sentinel, 'DEBUG', ...Object.entries(periodsMs).flat().map(String)).catch(() => undefined)
}

async function counts(sentinel: PrivateServer): Promise<string> {
  const reply = await ask(sentinel, 'MASTER', masterName)
  const fields = Array.isArray(reply) ? pairs(reply as string[]) : (reply as Record<string, string>)
  return `${fields['num-other-sentinels']} others, ${fields['num-slaves']} replica`
}

function pairs(flat: readonly string[]): Record<string, string> {
  const rows = Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at] ?? '', flat[2 * at + 1] ?? ''] as const)
  return Object.fromEntries(rows)
}
