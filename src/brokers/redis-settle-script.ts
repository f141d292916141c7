import { defineScript, type RedisScript } from '../drivers/open-redis.ts'
import { piece } from './redis-lua.ts'

/**
 * Settles deliveries in other ways than by a plain acknowledgement. A message that its consumer lost stays as it is: its
 * tag is gone. KEYS: unacked, unacked_index, held, epoch, further keys; numbers of keys below count from 1, all of them. ARGV:
 * visibility timeout (s), then for each delivery one of
 *   `replace`, tag, lists, then for each list its key's number, channel, number of messages, messages: instead of the message
 *   `return`, tag, number of the list's key, length of the record's ending: back to the place where it was taken from
 *   `defer`, tag, due (ms), number of the key of the deferred, step, channel
 * Replies the tags that were lost before.
 */
export const settleScript: RedisScript = defineScript(`
local unacked, index, held, timeout = KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1])
local at, lost, isHeld, told = 2, {}, redis.call('EXISTS', KEYS[4]) == 1, {['']=true}
local function tell(channel)
  if told[channel] then return end
  told[channel] = true
  redis.call('PUBLISH', channel, '')
end
local function remove(tag)
  redis.call('ZREM', index, tag)
  redis.call('SREM', held, tag)
end
local function miss(tag)
  -- Who has a lease and sends this again has done it the first time.
  if not isHeld then lost[#lost + 1] = tag end
end
while at <= #ARGV do
  local kind, tag = ARGV[at], ARGV[at + 1]
  if kind == 'replace' then
    local lists = tonumber(ARGV[at + 2])
    at = at + 3
    local isThere = redis.call('HDEL', unacked, tag) == 1
    if isThere then remove(tag) else miss(tag) end
    for _ = 1, lists do
      local list, channel, last = tonumber(ARGV[at]), ARGV[at + 1], at + 2 + tonumber(ARGV[at + 2])
      if isThere then
        for from = at + 3, last, ${piece} do
          redis.call('LPUSH', KEYS[list], unpack(ARGV, from, math.min(from + ${piece - 1}, last)))
        end
        tell(channel)
      end
      at = last + 1
    end
  elseif kind == 'return' then
    local record = redis.call('HGET', unacked, tag)
    if record then
      redis.call('HDEL', unacked, tag)
      remove(tag)
      redis.call('RPUSH', KEYS[tonumber(ARGV[at + 2])], string.sub(record, 2, -1 - tonumber(ARGV[at + 3])))
    else
      miss(tag)
    end
    at = at + 4
  else
    if redis.call('SREM', held, tag) == 1 and redis.call('HEXISTS', unacked, tag) == 1 then
      local due = tonumber(ARGV[at + 2])
      redis.call('ZADD', index, due / 1000 - timeout, tag)
      redis.call('ZADD', KEYS[tonumber(ARGV[at + 3])], ARGV[at + 2], ARGV[at + 4] .. ':' .. tag)
      tell(ARGV[at + 5])
    else
      miss(tag)
    end
    at = at + 6
  end
end
return lost`)
