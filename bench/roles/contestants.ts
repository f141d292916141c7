import type { Contestant, Figures } from '../lib/compare.ts'
import type { Run } from '../lib/suite.ts'
import type { PeerName } from '../peers/open-peer.ts'

const roles = {
  'celeriac-sqlite': 'ours',
  'celeriac-redis': 'ours',
  'raw-sqlite': 'limit',
  'raw-redis': 'limit',
  plainjob: 'peer',
  bullmq: 'peer',
  'bee-queue': 'peer',
  'python-celery': 'peer',
} as const satisfies Record<PeerName, Contestant<string>['role']>

const onRedis: ReadonlySet<PeerName> = new Set(['celeriac-redis', 'raw-redis', 'bullmq', 'bee-queue', 'python-celery'])

/** Those of `counts` that are wanted and that this machine can run, with the number of tasks that keeps each busy for about two seconds. */
export function contestants<Figure extends string>(
  run: Run,
  counts: Readonly<Partial<Record<PeerName, number>>>,
  measure: (peer: PeerName, count: number) => Promise<Figures<Figure>>,
): Contestant<Figure>[] {
  return (Object.entries(counts) as [PeerName, number][])
    .filter(([peer]) => !onRedis.has(peer) || run.redisPort !== undefined)
    .filter(([peer]) => roles[peer] === 'ours' || run.peers === undefined || run.peers.has(peer))
    .map(([peer, count]) => ({
      peer,
      role: roles[peer],
      measure: () => measure(peer, Math.max(100, Math.round(count * run.size))),
    }))
}

/** Where lower is better, a part of what is possible says nothing: the raw client is a peer there. */
export function limitAsPeer<Figure extends string>(list: readonly Contestant<Figure>[]): Contestant<Figure>[] {
  return list.map((contestant) => (contestant.role === 'limit' ? { ...contestant, role: 'peer' } : contestant))
}
