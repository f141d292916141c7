import type { Redis } from '../drivers/open-redis.ts'
import type { RedisNames } from './redis-names.ts'

/**
 * The queues that an exchange gives a message to, by kombu's bindings: `routing key, pattern, queue` (celery-wire 3.4). A
 * message must not get lost for want of a binding: then its routing key is taken for the queue.
 */
export async function queuesBoundTo(
  redis: Redis,
  names: RedisNames,
  exchange: string,
  routingKey: string,
): Promise<string[]> {
  const members = (await redis.commands.send(['SMEMBERS', names.binding(exchange)])) as string[]
  const queues = members
    .map((member) => member.split(names.sep))
    .filter(([key, pattern]) => (pattern ? matches(pattern, routingKey) : key === routingKey))
    .map(([, , queue]) => queue)
    .filter((queue) => queue !== undefined && queue !== '')
  return queues.length > 0 ? [...new Set(queues as string[])] : [routingKey]
}

/** The pattern is a regular expression of Python, whose escapes JavaScript knows without the flag u. */
function matches(pattern: string, routingKey: string): boolean {
  try {
    return new RegExp(pattern).test(routingKey)
  } catch {
    return false
  }
}
