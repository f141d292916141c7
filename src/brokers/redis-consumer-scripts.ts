import { defineScript, type RedisScript } from '../drivers/open-redis.ts'
import { readClock } from './redis-lua.ts'

/**
 * A server whose memory is full refuses a script what may need more, unless the script has written before: this writes
 * nothing. Leases must go on then, for only those who take messages make room. `KEYS[1]` is a sorted set.
 */
const evenIfFull = `redis.call('ZREM', KEYS[1], '')`

/**
 * Begins a lease. KEYS: consumers, epoch, renewed, grace, holder. ARGV: consumer, lease (ms), epoch, who that is.
 * After a time in which nobody could renew (the server was away) nobody is called dead for as long as a lease, so that all
 * can renew theirs before they are judged.
 */
const noteRenewal = `
local renewed = tonumber(redis.call('GET', KEYS[3]) or 0)
local lease = tonumber(ARGV[2])
if now - renewed > lease * 2 / 3 then redis.call('SET', KEYS[4], now + lease, 'PX', lease) end
redis.call('SET', KEYS[3], now)`

export const registerScript: RedisScript = defineScript(`${evenIfFull}${readClock}${noteRenewal}
redis.call('ZADD', KEYS[1], now + lease, ARGV[1])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('SET', KEYS[5], ARGV[4])
return 1`)

/**
 * Renews a lease, 0 if it is over. KEYS: consumers, epoch, renewed, grace, held, unacked_index. ARGV: consumer, lease (ms),
 * 1 to show kombu's restore that what is held is held: it only looks at the time in unacked_index.
 */
export const renewScript: RedisScript = defineScript(`${evenIfFull}${readClock}
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) == 0 then return 0 end${noteRenewal}
redis.call('ZADD', KEYS[1], now + lease, ARGV[1])
if ARGV[3] == '1' then
  local tags = redis.call('SMEMBERS', KEYS[5])
  for from = 1, #tags, 2000 do
    local scores = {}
    for i = from, math.min(from + 1999, #tags) do
      scores[#scores + 1] = now / 1000
      scores[#scores + 1] = tags[i]
    end
    redis.call('ZADD', KEYS[6], 'XX', unpack(scores))
  end
end
return 1`)

/**
 * A connection broke, or a take failed, and what was taken may not be known here: from now on only takes with the new
 * epoch count, and what is held is told. -1 if the lease is over. KEYS: consumers, epoch, held. ARGV: old epoch, new one.
 */
export const recoverScript: RedisScript = defineScript(`${evenIfFull}
local epoch = redis.call('GET', KEYS[2])
if epoch ~= ARGV[1] and epoch ~= ARGV[2] then return -1 end
redis.call('SET', KEYS[2], ARGV[2])
return redis.call('SMEMBERS', KEYS[3])`)

/** Ends a lease whose messages are all settled or returned. KEYS: consumers, epoch, held, holder. ARGV: consumer. */
export const resignScript: RedisScript = defineScript(`
if redis.call('SCARD', KEYS[3]) > 0 then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
return 1`)

/** True while what the server knows of leases may be old, as after an outage or when its clock was set: see `noteRenewal`. */
const isInGrace = (renewed: string, grace: string): string => `
local graceUntil = redis.call('GET', ${grace})
local isInGrace = graceUntil and tonumber(graceUntil) > now
  or now - tonumber(redis.call('GET', ${renewed}) or 0) > lease * 2 / 3`

/**
 * What nobody has shown to be held for longer than the visibility timeout, newest first. KEYS: unacked_index, renewed,
 * grace. ARGV: lease (ms), visibility timeout (ms), the most.
 */
export const visibleScript: RedisScript = defineScript(`${readClock}
local lease = tonumber(ARGV[1])${isInGrace('KEYS[2]', 'KEYS[3]')}
if isInGrace then return {} end
local latest = string.format('%.3f', (now - tonumber(ARGV[2])) / 1000)
return redis.call('ZREVRANGEBYSCORE', KEYS[1], latest, '-inf', 'LIMIT', 0, ARGV[3])`)

/**
 * Names the consumers whose leases are over, and ends them for good: their takes and renewals do not count any more. None
 * while nobody could renew: the server was away or full, or its clock was set forward. After its clock was set back, leases
 * are cut to their length. KEYS: consumers, grace, renewed. ARGV: what the names of epochs begin with, the asking consumer,
 * which is not judged, lease (ms).
 */
export const condemnScript: RedisScript = defineScript(`${evenIfFull}${readClock}
local lease = tonumber(ARGV[3])${isInGrace('KEYS[3]', 'KEYS[2]')}
local latest = isInGrace and 0 or now
for _, consumer in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now + 2 * lease), '+inf')) do
  redis.call('ZADD', KEYS[1], now + lease, consumer)
end
local dead = {}
for _, consumer in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', latest)) do
  if consumer ~= ARGV[2] then
    redis.call('ZADD', KEYS[1], 0, consumer)
    redis.call('DEL', ARGV[1] .. consumer)
    dead[#dead + 1] = consumer
  end
end
return dead`)

/**
 * Puts messages back in front of their lists, if they are still the ones that were looked at. KEYS: unacked,
 * unacked_index, held, lists. ARGV: for each message its tag, its record, number of lists, then for each list the number
 * of its key, the channel to tell, and the envelope. Replies how many were there.
 */
export const restoreScript: RedisScript = defineScript(`
local at, restored = 1, 0
while at <= #ARGV do
  local tag, record, lists = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local isThere = redis.call('HGET', KEYS[1], tag) == record
  at = at + 3
  if isThere then
    redis.call('HDEL', KEYS[1], tag)
    redis.call('ZREM', KEYS[2], tag)
    redis.call('SREM', KEYS[3], tag)
    restored = restored + 1
  end
  for _ = 1, lists do
    if isThere then
      redis.call('RPUSH', KEYS[tonumber(ARGV[at])], ARGV[at + 2])
      if ARGV[at + 1] ~= '' then redis.call('PUBLISH', ARGV[at + 1], '') end
    end
    at = at + 3
  end
end
return restored`)

/** Drops the index entry of a message whose record is gone. KEYS: unacked, unacked_index, held. ARGV: tags. */
export const forgetScript: RedisScript = defineScript(`
for _, tag in ipairs(ARGV) do
  if redis.call('HEXISTS', KEYS[1], tag) == 0 then
    redis.call('ZREM', KEYS[2], tag)
    redis.call('SREM', KEYS[3], tag)
  end
end
return 1`)

/** Releases a lock that is still ours. KEYS: the lock. ARGV: its token. */
export const unlockScript: RedisScript = defineScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)
