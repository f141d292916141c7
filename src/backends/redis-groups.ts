import { defineScript, type RedisArgument, type RedisConnection, type RedisScript } from '../drivers/open-redis.ts'
import { DecodeError } from '../errors.ts'
import { isRecord } from '../protocol/describe-value.ts'
import { decodeRemoteError, encodeRemoteError, isRemoteError } from '../protocol/remote-error.ts'
import { decodeChildren, encodeChild } from '../protocol/result-tuple.ts'
import { isException } from '../protocol/states.ts'
import type { GroupPart, GroupProgress, IdleGroup } from './backend.ts'
import { RedisChordWatch } from './redis-chord-watch.ts'
import type { RedisResultKeys } from './redis-keys.ts'
import type { PatientCommands } from './redis-patience.ts'
import { bytesOf, textOf } from './redis-result-store.ts'
import { jsonForm, type ResultForm } from './result-form.ts'

/** Of what remembers that a group is over, where results are kept for ever. */
const closedMs = 86_400_000

/** Adds a member, in the place of one that the same task added before. KEYS: .j .s .t .p */
const addScript: RedisScript = defineScript(`
local parts, places = KEYS[1], KEYS[4]
local member, ttl, score, task, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local size, extra = redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])
if redis.call('HEXISTS', places, 'closed') == 1 then return {'0', size or '', extra or ''} end
local count
if score == '' then
  for _, other in ipairs(redis.call('LRANGE', parts, 0, -1)) do
    for i = 6, #ARGV do
      if string.sub(other, 1, #ARGV[i]) == ARGV[i] then redis.call('LREM', parts, 1, other) end
    end
  end
  count = redis.call('RPUSH', parts, member)
else
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', parts, score, score)) do
    for i = 6, #ARGV do
      if string.sub(other, 1, #ARGV[i]) == ARGV[i] then redis.call('ZREM', parts, other) end
    end
  end
  redis.call('ZADD', parts, score, member)
  count = redis.call('ZCARD', parts)
end
local place = redis.call('HGET', places, task)
if not place then
  place = count .. ' ' .. token
  redis.call('HSET', places, task, place)
end
if ttl ~= '' then for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end end
return {place, size or '', extra or ''}
`)

/** Once for each task, also if the reply is lost and it is sent again. KEYS: .j .s .t .p */
const extendScript: RedisScript = defineScript(`
if redis.call('HSETNX', KEYS[4], ARGV[1], 1) == 0 then return 0 end
redis.call('INCR', KEYS[3])
if ARGV[2] ~= '' then for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end end
return 1
`)

/** KEYS: .j .s .t .p, then those of the watch. ARGV: how long to remember it, group. */
const closeScript: RedisScript = defineScript(`
redis.call('ZREM', KEYS[5], ARGV[2])
redis.call('HDEL', KEYS[6], ARGV[2])
redis.call('HDEL', KEYS[7], ARGV[2])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('HSET', KEYS[4], 'closed', 1)
redis.call('PEXPIRE', KEYS[4], ARGV[1])
return 1
`)

/**
 * The finished members of groups, as Celery keeps those of chords: `[1, "<task id>", "<state>", <result>]` in a sorted
 * set by index, or with `result_chord_ordered` false in a list, which knows no indexes. Written as results are.
 */
export class RedisGroups {
  readonly #connection: RedisConnection
  readonly #commands: PatientCommands
  readonly #keys: RedisResultKeys
  readonly #isOrdered: boolean
  readonly #form: ResultForm
  readonly #ttl: string
  readonly #watch: RedisChordWatch

  constructor(
    connection: RedisConnection,
    commands: PatientCommands,
    keys: RedisResultKeys,
    options: { readonly isOrdered: boolean; readonly expiresMs: number | undefined; readonly form: ResultForm },
  ) {
    this.#connection = connection
    this.#commands = commands
    this.#keys = keys
    this.#isOrdered = options.isOrdered
    this.#form = options.form
    this.#watch = new RedisChordWatch(connection, commands, keys)
    this.#ttl = options.expiresMs === undefined ? '' : String(Math.max(1, Math.round(options.expiresMs)))
  }

  async add(groupId: string, part: GroupPart): Promise<GroupProgress> {
    const score = this.#isOrdered ? String(part.index) : ''
    const { token = '' } = part
    const begins = beginningsOf(part.taskId, this.#form).map((text) => this.#argument(text))
    const member = this.#argument(dumpMember(part, this.#form))
    const args = [member, this.#ttl, score, `id:${part.taskId}`, token, ...begins]
    const send = (): Promise<unknown> => this.#connection.run(addScript, this.#keysOf(groupId), args)
    const reply = await this.#commands.run(send, () => part.taskId)
    const [place, size, extra] = reply as [string, string, string]
    const [number, first] = place.split(' ')
    return {
      place: Number(number),
      isFirst: first === token,
      size: size === '' ? undefined : Number(size) + Number(extra),
    }
  }

  /** As Celery writes it. */
  async setSize(groupId: string, size: number, body: string | undefined): Promise<void> {
    if (body !== undefined) return this.#watch.open(groupId, { size, body }, this.#ttl)
    const args = ['SET', this.#keys.groupSize(groupId), String(size), ...(this.#ttl === '' ? [] : ['PX', this.#ttl])]
    await this.#commands.run(() => this.#connection.send(args))
  }

  async extend(groupId: string, taskId: string): Promise<void> {
    const args = [`extra:${taskId}`, this.#ttl]
    await this.#commands.run(() => this.#connection.run(extendScript, this.#keysOf(groupId), args))
  }

  async parts(groupId: string): Promise<GroupPart[]> {
    const key = this.#keys.groupParts(groupId)
    const read = this.#isOrdered ? ['ZRANGE', key, '0', '-1', 'WITHSCORES'] : ['LRANGE', key, '0', '-1']
    const reply = (await this.#read(read)) as string[]
    if (!this.#isOrdered) return reply.map((member, index) => loadMember(member, index, this.#form))
    const parts: GroupPart[] = []
    for (let at = 0; at < reply.length; at += 2) {
      const score = Number(reply[at + 1])
      parts.push(loadMember(reply[at] ?? '', Number.isFinite(score) ? score : parts.length, this.#form))
    }
    return parts
  }

  async save(groupId: string, taskIds: readonly string[]): Promise<void> {
    const text = this.#argument(this.#form.dump({ result: [[groupId, null], taskIds.map(encodeChild)] }))
    const args = ['SET', this.#keys.group(groupId), text, ...(this.#ttl === '' ? [] : ['PX', this.#ttl])]
    await this.#commands.run(() => this.#connection.send(args))
  }

  async saved(groupId: string): Promise<readonly string[] | undefined> {
    const [text] = (await this.#read(['MGET', this.#keys.group(groupId)])) as (string | null)[]
    if (typeof text !== 'string') return undefined
    const saved = this.#form.load(text)
    return decodeChildren(isRecord(saved) ? [saved['result']] : saved)
  }

  async forget(groupId: string): Promise<void> {
    await this.#commands.run(() => this.#connection.send(['DEL', this.#keys.group(groupId)]))
  }

  async close(groupId: string): Promise<void> {
    const args = [this.#ttl === '' ? String(closedMs) : this.#ttl, groupId]
    const keys = [...this.#keysOf(groupId), ...this.#watch.keys]
    await this.#commands.run(() => this.#connection.run(closeScript, keys, args))
  }

  idle(idleMs: number): Promise<IdleGroup[]> {
    return this.#watch.idle(idleMs)
  }

  /** The texts of a list. */
  async #read(args: readonly string[]): Promise<(string | null)[]> {
    const { isBinary } = this.#form
    const reply = await this.#commands.run(() => this.#connection.send(args, { asBytes: isBinary }))
    return (reply as (string | Buffer | null)[]).map((text) => (text === null ? null : textOf(text)))
  }

  #argument(text: string): RedisArgument {
    return this.#form.isBinary ? bytesOf(text) : text
  }

  #keysOf(groupId: string): string[] {
    const keys = this.#keys
    return [keys.groupParts(groupId), keys.groupSize(groupId), keys.groupExtra(groupId), keys.groupPlaces(groupId)]
  }
}

/** The traceback is a member that Celery does not read. */
function dumpMember({ taskId, status, result }: GroupPart, { dump }: ResultForm): string {
  if (!isException(status)) return dump([1, taskId, status, result ?? null])
  const error = isRemoteError(result) ? result : decodeRemoteError(result)
  const { traceback } = error
  return dump([
    1,
    taskId,
    status,
    { ...encodeRemoteError(error, dump), ...(traceback === undefined ? {} : { traceback }) },
  ])
}

/** What members of a task may begin with. */
function beginningsOf(taskId: string, form: ResultForm): string[] {
  // As JavaScript and as Python writes it.
  const id = JSON.stringify(taskId)
  if (form === jsonForm) return [`[1,${id},`, `[1, ${id}, `]
  const begin = form.dump([1, taskId])
  // In msgpack a list begins with its length, in YAML it has no brackets.
  return [form.isBinary ? `\x94${begin.slice(1)}` : begin]
}

function loadMember(member: string, index: number, form: ResultForm): GroupPart {
  const value = form.load(member)
  const [, taskId, status, result] = Array.isArray(value) ? (value as unknown[]) : []
  if (typeof taskId !== 'string' || typeof status !== 'string') {
    throw new DecodeError(`A part of a group must be [1, id, state, result], got ${member.slice(0, 80)}`)
  }
  if (!isException(status)) return { index, taskId, status, result }
  const traceback = isRecord(result) && typeof result['traceback'] === 'string' ? result['traceback'] : undefined
  return { index, taskId, status, result: decodeRemoteError(result, traceback) }
}
