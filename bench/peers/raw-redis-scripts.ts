import { createHash } from 'node:crypto'

export interface Script {
  readonly text: string
  readonly sha: string
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/**
 * Acknowledges what was finished, and lends out up to n messages: kombu's records of them, under tags of our own.
 * KEYS: list, hash, sorted set. ARGV: n, now in seconds, end of a record, first tag, tags to acknowledge...
 */
export const take: Script = script(`
if #ARGV > 4 then
  redis.call('HDEL', KEYS[2], unpack(ARGV, 5))
  redis.call('ZREM', KEYS[3], unpack(ARGV, 5))
end
local messages = ARGV[1] ~= '0' and redis.call('RPOP', KEYS[1], ARGV[1])
if not messages then return {} end
local records, index = {}, {}
for i = 1, #messages do
  local tag = ARGV[4] + i - 1
  records[2 * i - 1] = tag
  records[2 * i] = '[' .. messages[i] .. ARGV[3]
  index[2 * i - 1] = ARGV[2]
  index[2 * i] = tag
end
redis.call('HSET', KEYS[2], unpack(records))
redis.call('ZADD', KEYS[3], unpack(index))
return messages`)

/** Stores and announces results. KEYS: one for each. ARGV: seconds to keep them, then one for each. */
export const store: Script = script(`
for i = 1, #KEYS do
  redis.call('SETEX', KEYS[i], ARGV[1], ARGV[i + 1])
  redis.call('PUBLISH', KEYS[i], ARGV[i + 1])
end`)
