import { openRedis } from '../../src/drivers/open-redis.ts'
import { parseRedisOptions } from '../../src/drivers/redis-options.ts'
import type { Redis, RedisConnection } from '../../src/drivers/redis.ts'
import { until } from './contract.ts'

/** Short ones, so that silence is noticed within a second. */
const timeouts = { socketTimeout: 0.6, socketConnectTimeout: 1, healthCheckInterval: 0.3 }

/** Opens Redis by the driver, with deadlines for tests. */
export function openDriver(url: string, options: Readonly<Record<string, unknown>> = {}): Promise<Redis> {
  return openRedis(url, parseRedisOptions({ ...timeouts, ...options }, 'the tests'))
}

/** Sends again and again until there is a reply; what went wrong meanwhile. */
export async function sendUntilReplied(connection: RedisConnection, args: readonly string[]): Promise<Error[]> {
  const errors: Error[] = []
  const isReplied = async (): Promise<boolean> => {
    try {
      await connection.send(args)
      return true
    } catch (error) {
      errors.push(error as Error)
      return false
    }
  }
  await until(isReplied, () => `a reply to ${args.join(' ')}; the last error: ${errors.at(-1)?.message}`)
  return errors
}

export function lossOf(connection: RedisConnection): Promise<Error> {
  const { promise, resolve } = Promise.withResolvers<Error>()
  connection.onLost(resolve)
  return promise
}
