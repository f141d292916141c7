import { defineScript, type RedisScript } from '../drivers/open-redis.ts'

/** Lua's unpack fills its stack, which holds 8000 values: longer lists go in pieces. */
const piece = 4000

/** Milliseconds since 1970 by the server's clock, on which all consumers agree. */
export const readClock: string = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)`

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

/**
 * Publishes once, however often it is sent: KEYS: the producer, lists; ARGV: its number of this publish, how long the
 * number is kept (s), then as `pushAll` wants it. A script is not undone when it fails, so it looks first where there are
 * several lists.
 */
export const publishScript: RedisScript = defineScript(`${pushAll}
local last = redis.call('GET', KEYS[1])
if last and tonumber(last) >= tonumber(ARGV[1]) then return 0 end
for i = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[i])['ok']
  if kind ~= 'list' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' holds a ' .. kind .. ', and a queue is a list')
  end
end
pushAll(2, #KEYS - 1, 3)
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1`)

/** The most messages that `publishToOneScript` takes. */
export const mostToOne: number = piece

/**
 * `publishScript` in the plainest case, in as few steps as can be: one list, whose consumers wait at it. KEYS: the producer,
 * the list; ARGV: the number, how long it is kept (s), then the messages. What turns out to be there already is taken back.
 */
export const publishToOneScript: RedisScript = defineScript(`
local call, number = redis.call, ARGV[1]
call('LPUSH', KEYS[2], unpack(ARGV, 3))
local last = call('SET', KEYS[1], number, 'EX', ARGV[2], 'GET')
if not last or tonumber(last) < tonumber(number) then return 1 end
call('LPOP', KEYS[2], #ARGV - 2)
call('SET', KEYS[1], last, 'EX', ARGV[2])
return 0`)

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
      local dueAt = byte(text, 3) == 99 and match(text, '^{"celeriac%-due": ?(%d+)')
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
local clock = call('TIME')
if string.byte(text, 3) == 99 then
  local dueAt = string.match(text, '^{"celeriac%-due": ?(%d+)')
  if dueAt and tonumber(dueAt) > clock[1] * 1000 + math.floor(clock[2] / 1000) then
    call('RPUSH', KEYS[5], text)
    return false
  end
end
call('HSET', KEYS[1], tag, '[' .. text .. ARGV[3])
call('ZADD', KEYS[2], string.format('%d.%06d', clock[1], clock[2]), tag)
call('SADD', KEYS[3], tag)
return text`)

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
