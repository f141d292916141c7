import { redisCommand } from '../support/redis-command.ts'
import { until } from '../support/until.ts'
import { freePort } from './free-port.ts'
import { privateServer, type Missing, type PrivateServer } from './service.ts'

const slots = 16_384

/** Three masters, each with a third of the slots. */
export interface ClusteredRedis extends AsyncDisposable {
  /** `redis+cluster://h:p;h:p;h:p` */
  readonly url: string
  readonly nodes: readonly PrivateServer[]
  ownerOf(key: string): Promise<PrivateServer>
  /** Gives the slot of a key with all that is in it to another node, as an operator who rebalances does. */
  moveSlot(key: string): Promise<PrivateServer>
}

export async function clusteredRedis(): Promise<ClusteredRedis | Missing> {
  const nodes: PrivateServer[] = []
  const buses: number[] = []
  for (let node = 0; node < 3; node++) {
    const bus = await freePort()
    const settings = { 'cluster-enabled': 'yes', 'cluster-port': String(bus), 'cluster-node-timeout': '2000' }
    const server = await privateServer('redis', settings)
    if ('missing' in server) return server
    nodes.push(server)
    buses.push(bus)
  }
  await join(nodes, buses)
  const run = (node: PrivateServer, ...args: readonly string[]): Promise<unknown> =>
    redisCommand(`redis://${at(node)}`, ...args)
  const ownerOf = async (key: string): Promise<PrivateServer> => {
    const [first] = nodes as [PrivateServer]
    const slot = Number(await run(first, 'CLUSTER', 'KEYSLOT', key))
    const ranges = (await run(first, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
    const range = ranges.find(([from, to]) => from <= slot && slot <= to)
    return nodes.find(({ port }) => port === range?.[2][1]) ?? first
  }
  return {
    url: `redis+cluster://${nodes.map(at).join(';')}`,
    nodes,
    ownerOf,
    moveSlot: async (key) => {
      const source = await ownerOf(key)
      const target = nodes[(nodes.indexOf(source) + 1) % nodes.length] as PrivateServer
      const slot = String(await run(source, 'CLUSTER', 'KEYSLOT', key))
      const [sourceId, targetId] = [await idOf(source), await idOf(target)]
      await run(target, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId)
      await run(source, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId)
      const keys = (): Promise<unknown> => run(source, 'CLUSTER', 'GETKEYSINSLOT', slot, '1000')
      for (let left = (await keys()) as string[]; left.length > 0; left = (await keys()) as string[]) {
        await run(source, 'MIGRATE', target.host, String(target.port), '', '0', '5000', 'KEYS', ...left)
      }
      for (const node of [target, source, ...nodes]) await run(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', targetId)
      return target
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }

  function idOf(node: PrivateServer): Promise<string> {
    return run(node, 'CLUSTER', 'MYID').then(String)
  }
}

async function join(nodes: readonly PrivateServer[], buses: readonly number[]): Promise<void> {
  const [first] = nodes as [PrivateServer]
  const share = Math.ceil(slots / nodes.length)
  for (const [index, node] of nodes.entries()) {
    const range = [index * share, Math.min((index + 1) * share, slots) - 1]
    await redisCommand(`redis://${at(node)}`, 'CLUSTER', 'ADDSLOTSRANGE', ...range.map(String))
    await redisCommand(`redis://${at(node)}`, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    if (node !== first) {
      const meet = ['CLUSTER', 'MEET', node.host, String(node.port), String(buses[index])]
      await redisCommand(`redis://${at(first)}`, ...meet)
    }
  }
  for (const node of nodes) {
    await until('the cluster is whole', async () => {
      const state = String(await redisCommand(`redis://${at(node)}`, 'CLUSTER', 'INFO'))
      return state.includes('cluster_state:ok') && state.includes('cluster_known_nodes:3')
    })
  }
}

function at({ host, port }: PrivateServer): string {
  return `${host}:${port}`
}
