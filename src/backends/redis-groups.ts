import { randomUUID } from 'node:crypto'
import { defineScript, type RedisConnection, type RedisScript } from '../drivers/open-redis.ts'
import { DecodeError } from '../errors.ts'
import { isRecord } from '../protocol/describe-value.ts'
import { decodeRemoteError, encodeRemoteError, isRemoteError } from '../protocol/remote-error.ts'
import { isException } from '../protocol/states.ts'
import { dumpJson, loadJson } from '../protocol/typed-json.ts'
import type { GroupPart } from './backend.ts'
import type { RedisResultKeys } from './redis-keys.ts'
import type { PatientCommands } from './redis-patience.ts'

/** How long parts that were taken can be taken again by the same, whose connection broke. */
const takenMs = 300_000

/** Adds a member, in the place of one that the same task added before. KEYS: .j .s .t */
const addScript: RedisScript = defineScript(`
local parts, member, ttl, score = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local size
if score == '' then
  for _, other in ipairs(redis.call('LRANGE', parts, 0, -1)) do
    for i = 4, #ARGV do
      if string.sub(other, 1, #ARGV[i]) == ARGV[i] then redis.call('LREM', parts, 1, other) end
    end
  end
  size = redis.call('RPUSH', parts, member)
else
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', parts, score, score)) do
    for i = 4, #ARGV do
      if string.sub(other, 1, #ARGV[i]) == ARGV[i] then redis.call('ZREM', parts, other) end
    end
  end
  redis.call('ZADD', parts, score, member)
  size = redis.call('ZCARD', parts)
end
if ttl ~= '' then for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end end
return size
`)

/** Takes all members, and gives them again to who comes again with the same name of his own. KEYS: .j .s .t taken */
const takeScript: RedisScript = defineScript(`
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[4]) == 0 then
  redis.call('RENAME', KEYS[1], KEYS[4])
  redis.call('PEXPIRE', KEYS[4], ARGV[1])
  redis.call('DEL', KEYS[2], KEYS[3])
end
if ARGV[2] == 'list' then return redis.call('LRANGE', KEYS[4], 0, -1) end
return redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES')
`)

/**
 * The finished members of groups, as Celery keeps those of chords: `[1, "<task id>", "<state>", <result>]` in a sorted
 * set by index, or with `result_chord_ordered` false in a list, which knows no indexes.
 */
export class RedisGroups {
  readonly #connection: RedisConnection
  readonly #commands: PatientCommands
  readonly #keys: RedisResultKeys
  readonly #isOrdered: boolean
  readonly #ttl: string

  constructor(
    connection: RedisConnection,
    commands: PatientCommands,
    keys: RedisResultKeys,
    options: { readonly isOrdered: boolean; readonly expiresMs: number | undefined },
  ) {
    this.#connection = connection
    this.#commands = commands
    this.#keys = keys
    this.#isOrdered = options.isOrdered
    this.#ttl = options.expiresMs === undefined ? '' : String(Math.max(1, Math.round(options.expiresMs)))
  }

  async add(groupId: string, part: GroupPart): Promise<number> {
    const id = JSON.stringify(part.taskId)
    const score = this.#isOrdered ? String(part.index) : ''
    // As JavaScript and as Python writes the beginning of a member.
    const args = [dumpMember(part), this.#ttl, score, `[1,${id},`, `[1, ${id}, `]
    return Number(await this.#commands.run(() => this.#connection.run(addScript, this.#keysOf(groupId), args)))
  }

  async take(groupId: string): Promise<GroupPart[]> {
    const taken = this.#keys.takenParts(groupId, randomUUID())
    const keys = [...this.#keysOf(groupId), taken]
    const args = [String(takenMs), this.#isOrdered ? 'zset' : 'list']
    const reply = (await this.#commands.run(() => this.#connection.run(takeScript, keys, args))) as string[]
    if (reply.length > 0) this.#connection.send(['DEL', taken]).catch(() => {})
    if (!this.#isOrdered) return reply.map((member, index) => loadMember(member, index))
    const parts: GroupPart[] = []
    for (let at = 0; at < reply.length; at += 2) {
      const score = Number(reply[at + 1])
      parts.push(loadMember(reply[at] ?? '', Number.isFinite(score) ? score : parts.length))
    }
    return parts
  }

  #keysOf(groupId: string): string[] {
    return [this.#keys.groupParts(groupId), this.#keys.groupSize(groupId), this.#keys.groupExtra(groupId)]
  }
}

/** The traceback is a member that Celery does not read. */
function dumpMember({ taskId, status, result }: GroupPart): string {
  if (!isException(status)) return dumpJson([1, taskId, status, result ?? null])
  const error = isRemoteError(result) ? result : decodeRemoteError(result)
  const { traceback } = error
  return dumpJson([
    1,
    taskId,
    status,
    { ...encodeRemoteError(error), ...(traceback === undefined ? {} : { traceback }) },
  ])
}

function loadMember(member: string, index: number): GroupPart {
  const value = loadJson(member)
  const [, taskId, status, result] = Array.isArray(value) ? (value as unknown[]) : []
  if (typeof taskId !== 'string' || typeof status !== 'string') {
    throw new DecodeError(`A part of a group must be [1, id, state, result], got ${member.slice(0, 80)}`)
  }
  if (!isException(status)) return { index, taskId, status, result }
  const traceback = isRecord(result) && typeof result['traceback'] === 'string' ? result['traceback'] : undefined
  return { index, taskId, status, result: decodeRemoteError(result, traceback) }
}
