import { Child } from '../lib/child.ts'
import { flushRedis } from '../lib/flush-redis.ts'
import type { Run } from '../lib/suite.ts'
import type { PeerName } from '../peers/open-peer.ts'
import type { Store } from '../peers/peer.ts'

export async function makeStore(
  run: Run,
  options: { readonly withResults: boolean; readonly awaitsResults?: boolean; readonly python?: string | undefined },
): Promise<Store> {
  const { redisPort } = run
  if (redisPort !== undefined) await flushRedis(redisPort)
  return { folder: await run.makeFolder(), redisPort, ...options }
}

export function startProducer(run: Run, peer: PeerName, store: Store): Promise<Child> {
  const script = new URL('./producer.ts', import.meta.url)
  return Child.start(`producer of ${peer}`, script, { peer, store, profileFolder: profileFolder(run, peer) })
}

export function startConsumer(
  run: Run,
  peer: PeerName,
  store: Store,
  options: { readonly concurrency: number; readonly isStamped?: boolean },
): Promise<Child> {
  const script = new URL('./consumer.ts', import.meta.url)
  const argument = { peer, store, isStamped: false, profileFolder: profileFolder(run, peer), ...options }
  return Child.start(`consumer of ${peer}`, script, argument)
}

/** Only our own processes are profiled. */
function profileFolder(run: Run, peer: PeerName): string | undefined {
  return peer.startsWith('celeriac') ? run.profileFolder : undefined
}
