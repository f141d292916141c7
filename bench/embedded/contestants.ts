import type { Contestant } from '../lib/compare.ts'
import type { Run } from '../lib/suite.ts'
import type { PeerName } from './peers/open-peer.ts'

const roles = { celeriac: 'ours', 'raw-sqlite': 'limit', plainjob: 'peer', bullmq: 'peer' } as const

/** Those of `counts` that are wanted and that this machine can run, with the number of tasks that keeps each busy for about two seconds. */
export function contestants<Figure extends string>(
  run: Run,
  counts: Readonly<Partial<Record<PeerName, number>>>,
  measure: (peer: PeerName, count: number) => Promise<Readonly<Record<Figure, number>>>,
): Contestant<Figure>[] {
  return (Object.entries(counts) as [PeerName, number][])
    .filter(([peer]) => peer !== 'bullmq' || run.redisPort !== undefined)
    .filter(([peer]) => peer === 'celeriac' || run.peers === undefined || run.peers.has(peer))
    .map(([peer, count]) => ({
      peer,
      role: roles[peer],
      measure: () => measure(peer, Math.max(100, Math.round(count * run.size))),
    }))
}
