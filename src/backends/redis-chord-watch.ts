import { defineScript, type RedisConnection, type RedisScript } from '../drivers/open-redis.ts'
import type { IdleGroup } from './backend.ts'
import type { RedisResultKeys } from './redis-keys.ts'
import type { PatientCommands } from './redis-patience.ts'

/** Looks at a chord within the time after which it counts as idle. */
const looks = 5
/** Chords of one round. */
const mostLooked = 500

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/** KEYS: .s .p, then those of the watch. ARGV: size, how long to keep it, group, body. */
const openScript: RedisScript = defineScript(`${clock}
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if redis.call('HEXISTS', KEYS[2], 'closed') == 1 then return 0 end
redis.call('ZADD', KEYS[3], now, ARGV[3])
redis.call('HSET', KEYS[4], ARGV[3], ARGV[4])
redis.call('HSET', KEYS[5], ARGV[3], '0 ' .. now)
return 1
`)

/** KEYS: that of the watch. ARGV: from one look to the next, how many. Replies those whose time it is. */
const dueScript: RedisScript = defineScript(`${clock}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, ARGV[2])
`)

/** KEYS: .j .s .t, then those of the watch. ARGV: group, when it is idle, between looks. Replies body and number of missing members of an idle one. */
const lookScript: RedisScript = defineScript(`${clock}
local group, score = ARGV[1], redis.call('ZSCORE', KEYS[4], ARGV[1])
if not score or tonumber(score) > now - ARGV[3] then return false end
local size = redis.call('GET', KEYS[2])
if not size then
  redis.call('ZREM', KEYS[4], group)
  redis.call('HDEL', KEYS[5], group)
  redis.call('HDEL', KEYS[6], group)
  return false
end
redis.call('ZADD', KEYS[4], now, group)
local kind = redis.call('TYPE', KEYS[1])['ok']
local count = 0
if kind == 'zset' then count = redis.call('ZCARD', KEYS[1]) elseif kind == 'list' then count = redis.call('LLEN', KEYS[1]) end
local known, since = string.match(redis.call('HGET', KEYS[6], group) or '', '^(%d+) (%d+)$')
if tonumber(known) ~= count then
  redis.call('HSET', KEYS[6], group, count .. ' ' .. now)
  return false
end
if tonumber(since) > now - ARGV[2] then return false end
redis.call('HSET', KEYS[6], group, count .. ' ' .. now)
return {redis.call('HGET', KEYS[5], group), size + (redis.call('GET', KEYS[3]) or 0) - count}
`)

/** Chords that began here, until they are closed. One that a worker of Celery closed is dropped at the next look. */
export class RedisChordWatch {
  readonly #connection: RedisConnection
  readonly #commands: PatientCommands
  readonly #keys: RedisResultKeys

  constructor(connection: RedisConnection, commands: PatientCommands, keys: RedisResultKeys) {
    this.#connection = connection
    this.#commands = commands
    this.#keys = keys
  }

  get keys(): string[] {
    return [this.#keys.chords, this.#keys.chordBodies, this.#keys.chordCounts]
  }

  /** With Celery's note of its size. */
  async open(
    groupId: string,
    { size, body }: { readonly size: number; readonly body: string },
    ttl: string,
  ): Promise<void> {
    const keys = [this.#keys.groupSize(groupId), this.#keys.groupPlaces(groupId), ...this.keys]
    await this.#run(openScript, keys, [String(size), ttl, groupId, body])
  }

  async idle(idleMs: number): Promise<IdleGroup[]> {
    const betweenMs = String(Math.round(idleMs / looks))
    const due = await this.#run(dueScript, [this.#keys.chords], [betweenMs, String(mostLooked)])
    const idle: IdleGroup[] = []
    for (const groupId of due as string[]) {
      const { groupParts, groupSize, groupExtra } = this.#partKeys(groupId)
      const keys = [groupParts, groupSize, groupExtra, ...this.keys]
      const reply = await this.#run(lookScript, keys, [groupId, String(Math.round(idleMs)), betweenMs])
      const [body, missing] = (reply ?? []) as [string?, number?]
      if (body !== undefined) idle.push({ groupId, body, missing: Number(missing) })
    }
    return idle
  }

  #partKeys(groupId: string): Record<'groupParts' | 'groupSize' | 'groupExtra', string> {
    const keys = this.#keys
    return {
      groupParts: keys.groupParts(groupId),
      groupSize: keys.groupSize(groupId),
      groupExtra: keys.groupExtra(groupId),
    }
  }

  #run(script: RedisScript, keys: string[], args: string[]): Promise<unknown> {
    return this.#commands.run(() => this.#connection.run(script, keys, args))
  }
}
