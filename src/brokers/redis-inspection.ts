import { defineScript, type Redis } from '../drivers/open-redis.ts'
import type { Message } from '../protocol/message.ts'
import type { Page } from './broker.ts'
import { decodeTaken, unreadableMessage } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'

/** Deferred messages deleted, or messages looked at, in one step. */
const pageSize = 500

/** Of each list so many are looked at for what is deferred, where nothing else is wanted. */
const lookedAt = 50

/** KEYS: deferred, lists. Not a transaction, which a server whose memory is full refuses. */
const countScript = defineScript(`
local count = redis.call('ZCARD', KEYS[1])
for i = 2, #KEYS do count = count + redis.call('LLEN', KEYS[i]) end
return count`)

/** KEYS: unacked, unacked_index, deferred, lists. ARGV: most deferred ones. Replies how many are deleted. */
const purgeScript = defineScript(`
local purged = 0
for i = 4, #KEYS do
  purged = purged + redis.call('LLEN', KEYS[i])
  redis.call('DEL', KEYS[i])
end
local members = redis.call('ZRANGE', KEYS[3], 0, tonumber(ARGV[1]) - 1)
for _, member in ipairs(members) do
  local tag = string.sub(member, string.find(member, ':', 1, true) + 1)
  purged = purged + redis.call('HDEL', KEYS[1], tag)
  redis.call('ZREM', KEYS[2], tag)
  redis.call('ZREM', KEYS[3], member)
end
return {purged, #members}`)

interface Waiting {
  readonly message: Message
  readonly dueMs: number
}

/** Looks at queues, and empties them, without taking part in them. */
export class RedisInspection {
  readonly #redis: Redis
  readonly #names: RedisNames

  constructor(redis: Redis, names: RedisNames) {
    this.#redis = redis
    this.#names = names
  }

  async count(queue: string): Promise<number> {
    const keys = [this.#names.delayed(queue), ...this.#names.lists(queue)]
    return Number(await this.#redis.commands.run(countScript, keys, []))
  }

  async purge(queue: string): Promise<number> {
    const { unacked, unackedIndex } = this.#names
    const deferred = [unacked, unackedIndex, this.#names.delayed(queue)]
    let purged = 0
    let keys = [...deferred, ...this.#names.lists(queue)]
    for (;;) {
      const reply = (await this.#redis.commands.run(purgeScript, keys, [String(pageSize)])) as [number, number]
      purged += reply[0]
      if (reply[1] < pageSize) return purged
      // What is published meanwhile stays.
      keys = deferred
    }
  }

  /** What is ready, then what is deferred: the latter also where it still lies in the lists. */
  async peek(queue: string, { offset, limit, only }: Page): Promise<Message[]> {
    const wanted = offset + limit
    const ready: Message[] = []
    const deferred: Waiting[] = []
    const nowMs = Date.now()
    if (only) {
      deferred.push(...(await this.#nextDeferred(queue, nowMs)), ...(await this.#deferredIn(queue, wanted)))
      return inTime(deferred).slice(offset, wanted)
    }
    for (const list of this.#names.lists(queue)) {
      for await (const { message, dueMs } of this.#waitingIn(list, Math.min(wanted, pageSize))) {
        if (dueMs > nowMs) deferred.push({ message, dueMs })
        else if (ready.push(message) >= wanted) return ready.slice(offset)
      }
    }
    deferred.push(...(await this.#deferredIn(queue, wanted)))
    return [...ready, ...inTime(deferred)].slice(offset, wanted)
  }

  /** Also those that only Python has declared. */
  async queues(): Promise<string[]> {
    const known = new Set((await this.#redis.commands.send(['SMEMBERS', this.#names.queues])) as string[])
    for await (const queue of this.#boundQueues()) known.add(queue)
    const names = [...known].toSorted()
    const counts = await Promise.all(names.map((queue) => this.count(queue)))
    return names.filter((_, index) => (counts[index] ?? 0) > 0)
  }

  /** Next first: lists are taken from at the right end. Pages grow, as what was wanted is seldom behind the first. */
  async *#waitingIn(list: string, atFirst: number): AsyncGenerator<Waiting> {
    let size = atFirst
    for (let from = -1; ;) {
      const range = ['LRANGE', list, String(from - size + 1), String(from)]
      const page = (await this.#redis.commands.send(range, { asBytes: true })) as Buffer[]
      for (const bytes of page.toReversed()) yield readable(bytes)
      if (page.length < size) return
      from -= size
      size = Math.min(2 * size, pageSize)
    }
  }

  /** What still lies among the next of the lists because nobody took it yet. */
  async #nextDeferred(queue: string, nowMs: number): Promise<Waiting[]> {
    const ranges = this.#names.lists(queue).map((list) => ['LRANGE', list, String(-lookedAt), '-1'])
    const pages = await Promise.all(ranges.map((range) => this.#redis.commands.send(range, { asBytes: true })))
    return (pages as Buffer[][])
      .flat()
      .map(readable)
      .filter(({ dueMs }) => dueMs > nowMs)
  }

  async #deferredIn(queue: string, most: number): Promise<Waiting[]> {
    const range = ['ZRANGE', this.#names.delayed(queue), '0', String(most - 1), 'WITHSCORES']
    const members = (await this.#redis.commands.send(range)) as string[]
    const tags = members.filter((_, index) => index % 2 === 0).map((member) => member.slice(member.indexOf(':') + 1))
    if (tags.length === 0) return []
    const records = await this.#redis.commands.send(['HMGET', this.#names.unacked, ...tags], { asBytes: true })
    return (records as (Buffer | null)[]).flatMap((record, index) => {
      if (record === null) return []
      const envelope = record.subarray(1, record.lastIndexOf(', "", "'))
      return [{ message: readable(envelope).message, dueMs: Number(members[2 * index + 1]) }]
    })
  }

  async *#boundQueues(): AsyncGenerator<string> {
    let cursor = '0'
    do {
      const scan = ['SCAN', cursor, 'MATCH', `${escapeGlob(this.#names.binding(''))}*`, 'COUNT', '1000']
      const [next, keys] = (await this.#redis.commands.send(scan)) as [string, string[]]
      for (const key of keys) {
        for (const member of (await this.#redis.commands.send(['SMEMBERS', key])) as string[]) {
          const queue = member.split(this.#names.sep)[2]
          if (queue) yield queue
        }
      }
      cursor = next
    } while (cursor !== '0')
  }
}

function inTime(waiting: readonly Waiting[]): Message[] {
  return waiting.toSorted((a, b) => a.dueMs - b.dueMs).map(({ message }) => message)
}

function readable(bytes: Buffer): Waiting {
  const text = bytes.toString('utf8')
  try {
    const { message, dueMs = 0 } = decodeTaken(text)
    return { message, dueMs }
  } catch {
    // Whoever takes it puts it among the dead letters, with the reason.
    return { message: unreadableMessage(bytes), dueMs: 0 }
  }
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, String.raw`\$&`)
}
