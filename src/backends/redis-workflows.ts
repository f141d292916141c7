import { defineScript, type RedisConnection, type RedisScript } from '../drivers/open-redis.ts'
import type { RedisResultKeys } from './redis-keys.ts'
import type { PatientCommands } from './redis-patience.ts'

/** Of what remembers that a workflow is over, where results are kept for ever. */
const usedMs = 86_400_000
/** Characters of one command: the server serves nobody else meanwhile. */
const largestSize = 1_000_000

/** Parts by number. Repeated, it adds nothing. ARGV: how long to keep them, how many there are, then number and text. */
const keepScript: RedisScript = defineScript(`
redis.call('HSETNX', KEYS[1], 'unused', ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[1] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
`)

/** ARGV: number, how long to keep the others from now on. */
const readScript: RedisScript = defineScript(`
local text = redis.call('HGET', KEYS[1], ARGV[1])
if ARGV[2] ~= '' and tonumber(redis.call('HGET', KEYS[1], 'unused') or 0) > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return text
`)

/** An empty text is one that is used. ARGV: number, how long to remember it once all are. */
const useScript: RedisScript = defineScript(`
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text or text == '' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '')
if redis.call('HINCRBY', KEYS[1], 'unused', -1) == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
`)

/** The parts of workflows, a hash for each of them: unknown to Celery. */
export class RedisWorkflows {
  readonly #connection: RedisConnection
  readonly #commands: PatientCommands
  readonly #keys: RedisResultKeys
  readonly #ttl: string
  readonly #usedTtl: string

  constructor(
    connection: RedisConnection,
    commands: PatientCommands,
    keys: RedisResultKeys,
    /** Undefined: for ever. */
    { keptMs, expiresMs = usedMs }: { readonly keptMs: number | undefined; readonly expiresMs: number | undefined },
  ) {
    this.#connection = connection
    this.#commands = commands
    this.#keys = keys
    this.#ttl = keptMs === undefined ? '' : String(Math.round(keptMs))
    this.#usedTtl = String(Math.max(1, Math.round(expiresMs)))
  }

  async keep(workflowId: string, parts: readonly string[]): Promise<void> {
    let batch: string[] = []
    let size = 0
    for (const [part, text] of parts.entries()) {
      batch.push(String(part), text)
      size += text.length
      if (size < largestSize && part < parts.length - 1) continue
      await this.#run(keepScript, workflowId, [this.#ttl, String(parts.length), ...batch])
      batch = []
      size = 0
    }
  }

  async part(workflowId: string, part: number): Promise<string | null | undefined> {
    const text = await this.#run(readScript, workflowId, [String(part), this.#ttl])
    if (typeof text !== 'string') return undefined
    return text === '' ? null : text
  }

  async use(workflowId: string, part: number): Promise<void> {
    await this.#run(useScript, workflowId, [String(part), this.#usedTtl])
  }

  #run(script: RedisScript, workflowId: string, args: string[]): Promise<unknown> {
    return this.#commands.run(() => this.#connection.run(script, [this.#keys.workflow(workflowId)], args))
  }
}
