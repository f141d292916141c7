import type { Redis } from '../drivers/open-redis.ts'
import type { Message } from '../protocol/message.ts'
import type { IsOver } from './broker.ts'
import { decodeTaken } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'

interface Found {
  readonly list: string
  readonly bytes: Buffer
  readonly headers: Message['headers']
}

/** See `Broker.prune`. What somebody took or deleted meanwhile is his: only what still stands in its list is deleted. */
export async function pruneRedis(
  redis: Redis,
  names: RedisNames,
  queue: string,
  limit: number,
  isOver: IsOver,
): Promise<Message['headers'][]> {
  const lists = await Promise.all(names.lists(queue).map((list) => first(redis, list, limit)))
  const found = lists.flat().filter(({ headers }) => isOver(headers))
  // From the end where the first stand; a text is unique by its tag.
  const removals = found.map(({ list, bytes }) => redis.commands.send(['LREM', list, '-1', bytes]))
  const counts = await Promise.all(removals)
  return found.filter((_, index) => Number(counts[index]) === 1).map(({ headers }) => headers)
}

async function first(redis: Redis, list: string, limit: number): Promise<Found[]> {
  const range = ['LRANGE', list, String(-limit), '-1']
  const texts = (await redis.commands.send(range, { asBytes: true })) as Buffer[]
  return texts.flatMap((bytes) => {
    const headers = waitingHeaders(bytes)
    return headers ? [{ list, bytes, headers }] : []
  })
}

/** Undefined for what cannot be read, and for what is not due. */
function waitingHeaders(bytes: Buffer): Message['headers'] | undefined {
  try {
    const { message, dueMs = 0 } = decodeTaken(bytes.toString('utf8'))
    return dueMs > Date.now() ? undefined : message.headers
  } catch {
    return undefined
  }
}
