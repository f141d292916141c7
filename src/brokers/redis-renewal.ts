import type { Redis } from '../drivers/open-redis.ts'
import { renewScript } from './redis-consumer-scripts.ts'
import type { RedisNames } from './redis-names.ts'

/** False if the lease is over. `shows`: kombu's restore is shown, too, that what is held is held. */
export async function renewLease(
  redis: Redis,
  names: RedisNames,
  id: string,
  leaseMs: number,
  shows: boolean,
): Promise<boolean> {
  const { consumers, renewedAt, graceUntil, unackedIndex } = names
  const keys = [consumers, names.epoch(id), renewedAt, graceUntil, names.held(id), unackedIndex]
  return (await redis.commands.run(renewScript, keys, [id, String(leaseMs), shows ? '1' : '0'])) === 1
}
