import { defineScript, type Redis } from '../drivers/open-redis.ts'
import { taskIdOf, type Message } from '../protocol/message.ts'
import { readUnacked } from '../protocol/redelivered-envelope.ts'
import { mostNext, type FindResult, type FoundMessage, type Holder, type Unseen } from './broker.ts'
import { queuesBoundTo } from './redis-bindings.ts'
import { decodeTaken } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'
import { readClock } from './redis-lua.ts'

/** Messages looked at in one step: others wait for no more than that. */
const pageSize = 100

/**
 * KEYS: a list. ARGV: index of the first, from the end if negative, how many, text. Replies the length, how many there
 * were, then index and message of each that holds it.
 */
const searchListScript = defineScript(`
local from, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local texts = count > 0 and redis.call('LRANGE', KEYS[1], from, from + count - 1) or {}
local reply = {redis.call('LLEN', KEYS[1]), #texts}
for i, text in ipairs(texts) do
  if string.find(text, ARGV[3], 1, true) then
    reply[#reply + 1] = from + i - 1
    reply[#reply + 1] = text
  end
end
return reply`)

/** KEYS: unacked. ARGV: cursor, about how many, text. Replies the cursor, how many there were, then tag and record of each that holds it. */
const searchUnackedScript = defineScript(`
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local reply = {page[1], #page[2] / 2}
for i = 1, #page[2], 2 do
  if string.find(page[2][i + 1], ARGV[3], 1, true) then
    reply[#reply + 1] = page[2][i]
    reply[#reply + 1] = page[2][i + 1]
  end
end
return reply`)

/** KEYS: unacked_index, consumers, holder, deferred messages of its queue. ARGV: tag, consumer, then members. Replies now, when it was taken, when the lease ends, who has it, until when it is deferred. */
const placeScript = defineScript(`${readClock}
local due = false
for i = 3, #ARGV do due = due or redis.call('ZSCORE', KEYS[4], ARGV[i]) end
local taken, ends = redis.call('ZSCORE', KEYS[1], ARGV[1]), redis.call('ZSCORE', KEYS[2], ARGV[2])
return {now, taken, ends, redis.call('GET', KEYS[3]), due}`)

interface ListSearch {
  /** How many come first, by message: one may be seen twice as others come. */
  readonly ahead: Map<string, number>
  readonly length: number
  readonly looked: number
}

/** Looks for messages by the id of their task, in the lists and in kombu's `unacked`. */
export class RedisSearch {
  readonly #redis: Redis
  readonly #names: RedisNames

  constructor(redis: Redis, names: RedisNames) {
    this.#redis = redis
    this.#names = names
  }

  /** The lists go first: what is taken meanwhile is in `unacked` then. */
  async find(queues: readonly string[], taskId: string, limit: number): Promise<FindResult> {
    const listed = await this.#findInLists(queues, taskId, limit)
    const lent = await this.#findInUnacked(taskId, limit)
    return { found: [...listed.found, ...lent.found], unseen: [...listed.unseen, ...lent.unseen] }
  }

  async #findInLists(queues: readonly string[], taskId: string, limit: number): Promise<FindResult> {
    const found: FoundMessage[] = []
    const unseen: Unseen[] = []
    let left = limit
    for (const queue of queues) {
      let [inFront, count] = [0, 0]
      let nextLeft = Math.min(limit, mostNext)
      for (const list of this.#names.lists(queue)) {
        const { ahead, length, looked } = await this.#findNewest(list, taskId, left)
        const older = Math.max(0, length - looked)
        const next = Math.min(nextLeft, older)
        for (const [text, before] of await this.#findNext(list, taskId, next)) ahead.set(text, before)
        for (const [text, before] of ahead) found.push(...readWaiting(text, queue, taskId, inFront + before))
        count += older - next
        left -= looked
        nextLeft -= next
        inFront += length
      }
      if (count > 0) unseen.push({ queue, count })
    }
    return { found, unseen }
  }

  /** From the end where messages come in: what is taken at the other one does not move the rest. */
  async #findNewest(list: string, taskId: string, limit: number): Promise<ListSearch> {
    const ahead = new Map<string, number>()
    for (let looked = 0; ;) {
      const args = [String(looked), String(Math.min(pageSize, limit - looked)), needle(taskId)]
      const reply = await this.#redis.commands.run(searchListScript, [list], args)
      const [length, count, ...flat] = reply as [number, number, ...(number | string)[]]
      for (let at = 0; at < flat.length; at += 2) ahead.set(String(flat[at + 1]), length - 1 - Number(flat[at]))
      looked += count
      if (count === 0 || looked >= length || looked >= limit) return { ahead, length, looked }
    }
  }

  /** From behind to the end where messages are taken: what moves there meanwhile is still to be looked at. */
  async #findNext(list: string, taskId: string, count: number): Promise<Map<string, number>> {
    const ahead = new Map<string, number>()
    for (let left = count; left > 0; left -= pageSize) {
      const args = [String(-left), String(Math.min(pageSize, left)), needle(taskId)]
      const [, , ...flat] = (await this.#redis.commands.run(searchListScript, [list], args)) as (number | string)[]
      for (let at = 0; at < flat.length; at += 2) ahead.set(String(flat[at + 1]), -1 - Number(flat[at]))
    }
    return ahead
  }

  async #findInUnacked(taskId: string, limit: number): Promise<FindResult> {
    // A scan may show an entry twice.
    const found = new Map<string, FoundMessage>()
    let left = limit
    let cursor = '0'
    do {
      if (left <= 0) return { found: [...found.values()], unseen: await this.#unseenOf(limit - left) }
      const args = [cursor, String(pageSize), needle(taskId)]
      const reply = (await this.#redis.commands.run(searchUnackedScript, [this.#names.unacked], args)) as string[]
      const [next, looked, ...hits] = reply
      cursor = String(next)
      left -= Number(looked)
      for (let at = 0; at < hits.length; at += 2) {
        const tag = hits[at] as string
        const place = await this.#place(tag, hits[at + 1] as string, taskId)
        if (place) found.set(tag, place)
      }
    } while (cursor !== '0')
    return { found: [...found.values()], unseen: [] }
  }

  async #unseenOf(looked: number): Promise<Unseen[]> {
    const length = (await this.#redis.commands.send(['HLEN', this.#names.unacked])) as number
    return [{ queue: undefined, count: Math.max(1, length - looked) }]
  }

  async #place(tag: string, record: string, taskId: string): Promise<FoundMessage | undefined> {
    const unacked = readUnacked(record)
    const message = unacked && messageIn(record)
    if (!unacked || !message || taskIdOf(message) !== taskId) return undefined
    const { exchange, routingKey } = unacked
    const [queue = routingKey] =
      exchange === '' ? [routingKey] : await queuesBoundTo(this.#redis, this.#names, exchange, routingKey)
    const consumer = tag.includes(':') ? tag.slice(0, tag.indexOf(':')) : ''
    const { unackedIndex, consumers } = this.#names
    const holderKey = this.#names.holder(consumer)
    const members = this.#names.steps.map((_, index) => `${index}:${tag}`)
    const reply = await this.#redis.commands.run(
      placeScript,
      [unackedIndex, consumers, holderKey, this.#names.delayed(queue)],
      [tag, consumer, ...members],
    )
    type Texts = [string | null, string | null, string | null, string | null]
    const [nowMs, taken, leaseEnds, who, due] = reply as [number, ...Texts]
    if (due !== null) return { message, queue, place: 'deferred', until: new Date(Number(due)) }
    const holder: Holder =
      consumer === ''
        ? { name: 'a consumer of Python', since: timeOf(taken), isAlive: undefined }
        : { name: who ?? `consumer ${consumer}`, since: undefined, isAlive: Number(leaseEnds ?? 0) > nowMs }
    return { message, queue, place: 'lent', holder }
  }
}

/** As it stands in JSON. */
function needle(taskId: string): string {
  return JSON.stringify(taskId).slice(1, -1)
}

function readWaiting(text: string, queue: string, taskId: string, ahead: number): FoundMessage[] {
  try {
    const { message, dueMs = 0 } = decodeTaken(text)
    // It may also be the id of its parent.
    if (taskIdOf(message) !== taskId) return []
    if (dueMs > Date.now()) return [{ message, queue, place: 'deferred', until: new Date(dueMs) }]
    return [{ message, queue, place: 'ready', ahead }]
  } catch {
    return []
  }
}

/** The record is `[envelope, exchange, routing_key]`. */
function messageIn(record: string): Message | undefined {
  try {
    const end = /,\s*"(?:[^"\\]|\\.)*",\s*"(?:[^"\\]|\\.)*"\s*\]\s*$/.exec(record)?.index
    return decodeTaken(record.slice(record.indexOf('[') + 1, end)).message
  } catch {
    return undefined
  }
}

/** Of seconds. */
function timeOf(score: string | null): Date | undefined {
  return score === null ? undefined : new Date(Number(score) * 1000)
}
