import { defineScript, type Redis } from '../drivers/redis.ts'
import type { Channel } from './broker.ts'

/**
 * Gives the message a number, keeps it until its time and publishes it, in one step. Numbers are microseconds of the
 * server and never repeat, so that a listener can tell what it has heard. kombu skips the key that carries them.
 */
const retainAndPublish = defineScript(`
local time = redis.call('TIME')
local number = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
if number <= last then number = last + 1 end
local text = string.format('%.0f', number)
local now = math.floor(time[1] * 1000 + time[2] / 1000)
local envelope = string.sub(ARGV[1], 1, -2) .. ', "celeriac-retained": "' .. text .. '"}'
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), envelope)
local ttl = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('SET', KEYS[2], text, 'PX', ttl)
redis.call('PUBLISH', ARGV[3], envelope)
return text`)

/** Drops what is too old, and tells the server's time in milliseconds. */
const dropExpired = defineScript(`
local time = redis.call('TIME')
local now = math.floor(time[1] * 1000 + time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return now`)

/** Entries looked at in one step of the server. */
const scanCount = '1000'

export interface RetainedEnvelope {
  readonly number: number
  readonly text: string
}

/** The number of a message that was retained when it was sent; undefined for others. */
export function retainedNumber(envelope: string): number | undefined {
  // It stands at the end, and the rest may be long.
  const number = /"celeriac-retained": "(\d+)"\}$/.exec(envelope.slice(-64))?.[1]
  return number === undefined ? undefined : Number(number)
}

/** Messages for listeners that come later: a sorted set for each channel, by the time when they are forgotten. */
export class RedisRetained {
  readonly #redis: Redis

  constructor(redis: Redis) {
    this.#redis = redis
  }

  async publish(channel: Channel, envelope: string, topic: string, retainMs: number): Promise<void> {
    const keys = [this.#key(channel), `${this.#key(channel)}.last`]
    await this.#redis.commands.run(retainAndPublish, keys, [envelope, String(Math.ceil(retainMs)), topic])
  }

  /** What is retained now and has a number above `after`, oldest first. */
  async read(channel: Channel, after: number): Promise<RetainedEnvelope[]> {
    const key = this.#key(channel)
    const now = Number(await this.#redis.commands.run(dropExpired, [key], []))
    // A scan may show an entry twice.
    const found = new Map<number, string>()
    let cursor = '0'
    do {
      const reply = await this.#redis.commands.send(['ZSCAN', key, cursor, 'COUNT', scanCount])
      const [next, pairs] = reply as readonly [string, readonly string[]]
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        const text = pairs[i] as string
        const number = retainedNumber(text) ?? 0
        if (number > after && Number(pairs[i + 1]) > now) found.set(number, text)
      }
      cursor = String(next)
    } while (cursor !== '0')
    return [...found].map(([number, text]) => ({ number, text })).toSorted((a, b) => a.number - b.number)
  }

  #key(channel: Channel): string {
    return `${this.#redis.prefix}celeriac.retained.${channel}`
  }
}
