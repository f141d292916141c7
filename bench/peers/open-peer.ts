import type { Peer } from './peer.ts'

export type PeerName =
  | 'celeriac-sqlite'
  | 'celeriac-redis'
  | 'raw-sqlite'
  | 'raw-redis'
  | 'plainjob'
  | 'bullmq'
  | 'bee-queue'
  | 'python-celery'

/** Loads only the library that is measured. */
export async function openPeer(name: PeerName): Promise<Peer> {
  switch (name) {
    case 'celeriac-sqlite':
      return (await import('./celeriac.ts')).celeriacOnSqlite
    case 'celeriac-redis':
      return (await import('./celeriac.ts')).celeriacOnRedis
    case 'raw-sqlite':
      return (await import('./raw-sqlite.ts')).rawSqlite
    case 'raw-redis':
      return (await import('./raw-redis.ts')).rawRedis
    case 'plainjob':
      return (await import('./plainjob.ts')).plainjob
    case 'bullmq':
      return (await import('./bullmq.ts')).bullmq
    case 'bee-queue':
      return (await import('./bee-queue.ts')).beeQueue
    case 'python-celery':
      return (await import('./python-celery.ts')).pythonCelery
  }
}
