import { defineScript, type RedisScript } from '../drivers/open-redis.ts'
import { piece, readClock } from './redis-lua.ts'

/** The text of the time before which `text` is not to be given out, or nothing. A look at one letter spares most the search. */
const dueAtOf = `byte(text, 3) == 99 and match(text, '^{"celeriac%-due": ?(%d+)')`

/**
 * Acknowledges what is done and lends the next messages, in one step: nothing is ever in nobody's hands.
 *
 * KEYS: unacked, unacked_index, held, epoch, then the set of deferred messages of each queue, then all lists, those of
 * the first step first. ARGV: epoch, how many messages are wanted, what tags begin with, the number of the first tag,
 * number of queues, 1 to share among them or 0 to empty one after the other, visibility timeout (s), what ends the record
 * of a message of each queue, then what to acknowledge: first and last number of each row of tags.
 *
 * Replies the tags that were lost before, in how many ms the next deferred message is due (-1: none is; -2: the lease is
 * over, or the epoch another one, and nothing is lent), then for each list that gave messages its number and these.
 */
export const takeScript: RedisScript = defineScript(`
local unacked, index, held = KEYS[1], KEYS[2], KEYS[3]
local queues, beginning = tonumber(ARGV[5]), ARGV[3]
local epoch = redis.call('GET', KEYS[4])
local function acknowledge()
  local lost, tags, count = {}, {}, 0
  local function remove()
    if count == 0 then return end
    -- Who has a lease has what it holds.
    for i = 1, epoch and 0 or #tags do
      if redis.call('HEXISTS', unacked, tags[i]) == 0 then lost[#lost + 1] = tags[i] end
    end
    redis.call('HDEL', unacked, unpack(tags))
    redis.call('ZREM', index, unpack(tags))
    redis.call('SREM', held, unpack(tags))
    tags, count = {}, 0
  end
  for i = 8 + queues, #ARGV, 2 do
    for number = tonumber(ARGV[i]), tonumber(ARGV[i + 1]) do
      -- Of up to 14 digits, which Lua writes as they are.
      count = count + 1
      tags[count] = beginning .. number
      if count == ${piece} then remove() end
    end
  end
  remove()
  return lost
end
local wanted = tonumber(ARGV[2])
if wanted == 0 then return {acknowledge(), -1} end
if epoch ~= ARGV[1] then return {acknowledge(), -2} end
${readClock}
local seconds, number, timeout = string.format('%.3f', now / 1000), tonumber(ARGV[4]), tonumber(ARGV[7])
local byte, match = string.byte, string.match
local reply, due = {false, -1}, nil
local lists = #KEYS - 4 - queues
local steps = lists / queues

local function promote(queue)
  local delayed, ending = KEYS[4 + queue], #ARGV[7 + queue]
  local members = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, math.min(wanted, ${piece}))
  for i = #members, 1, -1 do
    local colon = string.find(members[i], ':', 1, true)
    local step, tag = tonumber(string.sub(members[i], 1, colon - 1)), string.sub(members[i], colon + 1)
    local record = redis.call('HGET', unacked, tag)
    if record then
      redis.call('HDEL', unacked, tag)
      redis.call('ZREM', index, tag)
      local list = KEYS[4 + queues + math.min(step, steps - 1) * queues + queue]
      redis.call('RPUSH', list, string.sub(record, 2, -1 - ending))
    end
  end
  redis.call('ZREM', delayed, unpack(members))
end

for queue = 1, queues do
  local first = redis.call('ZRANGE', KEYS[4 + queue], 0, 0, 'WITHSCORES')
  if first[2] and tonumber(first[2]) <= now then
    promote(queue)
    first = redis.call('ZRANGE', KEYS[4 + queue], 0, 0, 'WITHSCORES')
  end
  if first[2] and (not due or tonumber(first[2]) < due) then due = tonumber(first[2]) end
end

local left, early, earlyNumber = wanted, 0, number + wanted
local function take(list, most)
  local queue = (list - 1) % queues + 1
  local ending, given = ARGV[7 + queue], nil
  while most > 0 and early < 1000 do
    local texts = redis.call('RPOP', KEYS[4 + queues + list], math.min(most, 1000))
    if not texts then break end
    local records, scores, tags, count = {}, {}, {}, 0
    for i = 1, #texts do
      local text = texts[i]
      local dueAt = ${dueAtOf}
      dueAt = dueAt and tonumber(dueAt)
      if dueAt and dueAt > now then
        local tag = beginning .. earlyNumber
        early, earlyNumber = early + 1, earlyNumber + 1
        redis.call('HSET', unacked, tag, '[' .. text .. ending)
        redis.call('ZADD', index, dueAt / 1000 - timeout, tag)
        redis.call('ZADD', KEYS[4 + queue], dueAt, math.floor((list - 1) / queues) .. ':' .. tag)
        if not due or dueAt < due then due = dueAt end
      else
        local tag = beginning .. number
        count, number = count + 1, number + 1
        records[2 * count - 1], records[2 * count] = tag, '[' .. text .. ending
        scores[2 * count - 1], scores[2 * count] = seconds, tag
        tags[count] = tag
        if count ~= i then texts[count] = text end
      end
    end
    if count > 0 then
      redis.call('HSET', unacked, unpack(records))
      redis.call('ZADD', index, unpack(scores))
      redis.call('SADD', held, unpack(tags))
      for i = #texts, count + 1, -1 do texts[i] = nil end
      reply[#reply + 1] = list - 1
      reply[#reply + 1] = texts
      left, most = left - count, most - count
    end
  end
end

for step = 0, steps - 1 do
  if ARGV[6] == '1' and queues > 1 then
    for queue = 1, queues do
      if left > 0 then take(step * queues + queue, math.ceil(left / (queues - queue + 1))) end
    end
  end
  for queue = 1, queues do
    if left > 0 then take(step * queues + queue, left) end
  end
  if left == 0 then break end
end
-- After the take: small sorted sets are slow to add to, and one that was emptied begins small again.
reply[1] = acknowledge()
if due then reply[2] = math.max(0, due - now) end
return reply`)

/**
 * Lends the first message of one list, in as few steps as can be: a worker waits for it. Leaves it where it is if it is not
 * due yet, or if the lease is over; a take that follows finds out. KEYS: unacked, unacked_index, held, epoch, the list;
 * ARGV: epoch, tag, what ends the record. Replies the message, or nothing.
 */
export const takeOneScript: RedisScript = defineScript(`
local call, tag = redis.call, ARGV[2]
if call('GET', KEYS[4]) ~= ARGV[1] then return false end
local text = call('RPOP', KEYS[5])
if not text then return false end
${readClock}
local byte, match = string.byte, string.match
local dueAt = ${dueAtOf}
if dueAt and tonumber(dueAt) > now then
  call('RPUSH', KEYS[5], text)
  return false
end
call('HSET', KEYS[1], tag, '[' .. text .. ARGV[3])
call('ZADD', KEYS[2], string.format('%.3f', now / 1000), tag)
call('SADD', KEYS[3], tag)
return text`)
