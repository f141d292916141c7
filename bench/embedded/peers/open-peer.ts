import type { Peer } from './peer.ts'

export type PeerName = 'celeriac' | 'raw-sqlite' | 'plainjob' | 'bullmq'

/** Loads only the library that is measured. */
export async function openPeer(name: PeerName): Promise<Peer> {
  switch (name) {
    case 'celeriac':
      return (await import('./celeriac.ts')).celeriac
    case 'raw-sqlite':
      return (await import('./raw-sqlite.ts')).rawSqlite
    case 'plainjob':
      return (await import('./plainjob.ts')).plainjob
    case 'bullmq':
      return (await import('./bullmq.ts')).bullmq
  }
}
