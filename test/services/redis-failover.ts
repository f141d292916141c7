import { redisCommand, redisInfo } from '../support/redis-command.ts'
import { until } from '../support/until.ts'
import { privateServer, type Missing, type PrivateServer } from './service.ts'

/** A master, a replica, and three Sentinels that notice within a second that the master is gone. */
export interface ReplicatedRedis extends AsyncDisposable {
  /** `sentinel://…;sentinel://…;sentinel://…/0` */
  readonly url: string
  readonly masterName: string
  readonly sentinels: readonly PrivateServer[]
  /** How often Sentinels tell each other what they know; an old master that lives is demoted after four times that. */
  setPublishPeriod(ms: number): Promise<void>
  /** The one that the Sentinels name now. */
  master(): Promise<PrivateServer>
  replica(): Promise<PrivateServer>
  /** Has the Sentinels promote the replica, or waits until they have done so because the master is gone. */
  failedOver(from: PrivateServer, options?: { readonly isAsked: boolean }): Promise<void>
}

const masterName = 'mymaster'

export async function replicatedRedis(): Promise<ReplicatedRedis | Missing> {
  const first = await privateServer('redis')
  if ('missing' in first) return first
  const second = await started('redis', { replicaof: `${first.host} ${first.port}` })
  const servers = [first, second]
  await until(
    'the replica follows',
    async () => (await redisInfo(second.url, 'replication', 'master_link_status')) === 'up',
  )
  const settings = {
    'sentinel monitor': `${masterName} ${first.host} ${first.port} 2`,
    'sentinel down-after-milliseconds': `${masterName} 1000`,
    'sentinel failover-timeout': `${masterName} 1500`,
  }
  const sentinels = [await started('sentinel', settings), await started('sentinel', settings)]
  sentinels.push(await started('sentinel', settings))
  for (const sentinel of sentinels) await hurry(sentinel)
  const named = async (): Promise<PrivateServer> => {
    const [sentinel = first] = sentinels
    const [, port] = (await ask(sentinel, 'GET-MASTER-ADDR-BY-NAME', masterName)) as string[]
    return servers.find((server) => server.port === Number(port)) ?? first
  }
  await until('the Sentinels know each other and the replica', async () => {
    const known = await Promise.all(sentinels.map(counts))
    return known.every((count) => count === '2 others, 1 replica')
  })
  return {
    url: `${sentinels.map(({ host, port }) => `sentinel://${host}:${port}`).join(';')}/0`,
    masterName,
    sentinels,
    setPublishPeriod: async (ms) => {
      for (const sentinel of sentinels) await ask(sentinel, 'DEBUG', 'publish-period', String(ms))
    },
    master: named,
    replica: async () => ((await named()) === first ? second : first),
    failedOver: async (from, { isAsked } = { isAsked: false }) => {
      const [sentinel = first] = sentinels
      const asked = (): Promise<boolean> =>
        ask(sentinel, 'FAILOVER', masterName).then(
          () => true,
          () => false,
        )
      if (isAsked) await until('the Sentinel finds the replica good enough', asked)
      const other = from === first ? second : first
      await until(
        'the replica is the master',
        async () => (await redisInfo(other.url, 'replication', 'role')) === 'master',
      )
      await until('the Sentinels name it', async () => (await named()) === other)
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

function ask({ host, port }: PrivateServer, ...args: readonly string[]): Promise<unknown> {
  return redisCommand(`redis://${host}:${port}`, 'SENTINEL', ...args)
}

/**
 * Sentinels of Redis 7 can look at their servers and tell each other more often than is good for a network. Not the period
 * of pings: no replica would be new enough to be chosen.
 */
async function hurry(sentinel: PrivateServer): Promise<void> {
  const periods = { 'info-period': '300', 'ask-period': '100', 'publish-period': '200' }
  await ask(sentinel, 'DEBUG', ...Object.entries(periods).flat()).catch(() => undefined)
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
