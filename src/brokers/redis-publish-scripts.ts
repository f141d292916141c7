import { defineScript, type RedisScript } from '../drivers/open-redis.ts'
import { piece } from './redis-lua.ts'

/**
 * Appends to lists, the last argument being the newest. Each list comes with the channel to tell, which is empty where
 * its consumers wait at the list itself, with the number of its messages, and with these.
 */
const pushAll = `
local function pushAll(firstKey, lists, at)
  for i = firstKey, firstKey + lists - 1 do
    local channel, count = ARGV[at], tonumber(ARGV[at + 1])
    local last = at + 1 + count
    for from = at + 2, last, ${piece} do
      redis.call('LPUSH', KEYS[i], unpack(ARGV, from, math.min(from + ${piece - 1}, last)))
    end
    if channel ~= '' then redis.call('PUBLISH', channel, '') end
    at = last + 1
  end
end`

/** How long the number of a producer is kept after its last publish, in seconds. */
const keptS = 3600
/** How often that has to be said anew, in milliseconds. */
export const renewKeptAfterMs: number = 600_000

/**
 * Publishes once, however often it is sent: KEYS: the producer, lists; ARGV: its number of this publish, then as `pushAll`
 * wants it. A script is not undone when it fails, so it looks first where there are several lists.
 */
export const publishScript: RedisScript = defineScript(`${pushAll}
local last = redis.call('GET', KEYS[1])
if last and tonumber(last) >= tonumber(ARGV[1]) then return 0 end
for i = 2, #KEYS > 2 and #KEYS or 0 do
  local kind = redis.call('TYPE', KEYS[i])['ok']
  if kind ~= 'list' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' holds a ' .. kind .. ', and a queue is a list')
  end
end
pushAll(2, #KEYS - 1, 2)
redis.call('SET', KEYS[1], ARGV[1], 'EX', ${keptS})
return 1`)

/** The most messages that `publishToOneScript` takes. */
export const mostToOne: number = piece

/**
 * `publishScript` in the plainest case, in as few steps as can be: one list, whose consumers wait at it. KEYS: the producer,
 * the list; ARGV: the number, `1` if it is time to say how long that is kept or an empty text, then the messages. What turns
 * out to be there already is taken back.
 */
export const publishToOneScript: RedisScript = defineScript(`
local call, number = redis.call, tonumber(ARGV[1])
call('LPUSH', KEYS[2], unpack(ARGV, 3))
local count = call('INCR', KEYS[1])
if count == number and count > 1 and ARGV[2] == '' then return 1 end
if count > number then
  call('DECR', KEYS[1])
  call('LPOP', KEYS[2], #ARGV - 2)
  return 0
end
call('SET', KEYS[1], ARGV[1], 'EX', ${keptS})
return 1`)
