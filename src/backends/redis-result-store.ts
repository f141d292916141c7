import { defineScript, type RedisConnection, type RedisScript } from '../drivers/open-redis.ts'
import type { PatientCommands } from './redis-patience.ts'

/**
 * Sets and publishes each text whose key does not hold a SUCCESS; most keys hold nothing. `status` is the first member in
 * all that Celery and celeriac write in JSON and msgpack; only where it is not, the stored text is parsed.
 */
const storeScript: RedisScript = defineScript(`
local ttl, call, sub = ARGV[1], redis.call, string.sub
local function isFinal(key)
  local head = redis.pcall('GETRANGE', key, 0, 19)
  if type(head) ~= 'string' or head == '' then return false end
  if head == '{"status": "SUCCESS"' or sub(head, 1, 19) == '{"status":"SUCCESS"' then return true end
  if sub(head, 1, 10) == '{"status":' then return false end
  local first, decode = string.byte(head), nil
  if first == 123 then
    decode = cjson.decode
  elseif first >= 128 then
    -- msgpack: how many members, in 1, 3 or 5 bytes, then texts with their lengths
    local at = first == 222 and 4 or first == 223 and 6 or 2
    if sub(head, at, at + 6) == '\\166status' then return sub(head, at + 7, at + 14) == '\\167SUCCESS' end
    decode = function(text) return cmsgpack.unpack(text) end
  else
    -- YAML, whose deeper lines are indented
    return string.find('\\n' .. call('GET', key), '\\nstatus: SUCCESS\\n', 1, true) ~= nil
  end
  local ok, meta = pcall(decode, call('GET', key))
  return ok and type(meta) == 'table' and meta['status'] == 'SUCCESS'
end
for i = 1, #KEYS do
  local key, text, isSet = KEYS[i], ARGV[i + 1], nil
  if ttl == '' then isSet = call('SET', key, text, 'NX') else isSet = call('SET', key, text, 'PX', ttl, 'NX') end
  if not isSet and not isFinal(key) then
    if ttl == '' then call('SET', key, text) else call('SET', key, text, 'PX', ttl) end
    isSet = true
  end
  if isSet then call('PUBLISH', key, text) end
end
`)

interface Batch {
  readonly keys: string[]
  readonly texts: string[]
  size: number
  readonly written: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** States and characters of one script: while it runs, the server serves nobody else. */
const largestBatch = 500
const largestSize = 1_000_000
/** Keys of one MGET: results may be large, and each reply has a deadline. */
const largestFetch = 250

/** The texts under the keys of tasks. What is stored in one turn of the event loop is one script. */
export class RedisResultStore {
  readonly #connection: RedisConnection
  readonly #stores: PatientCommands
  readonly #reads: PatientCommands
  readonly #ttl: string
  readonly #isBinary: boolean
  readonly #taskIdOf: (key: string) => string
  #batch: Batch | undefined
  readonly #unfinished = new Set<Promise<unknown>>()

  constructor(
    connection: RedisConnection,
    stores: PatientCommands,
    reads: PatientCommands,
    options: {
      readonly expiresMs: number | undefined
      readonly isBinary: boolean
      readonly taskIdOf: (key: string) => string
    },
  ) {
    this.#connection = connection
    this.#stores = stores
    this.#reads = reads
    const { expiresMs, isBinary, taskIdOf } = options
    this.#isBinary = isBinary
    this.#taskIdOf = taskIdOf
    this.#ttl = expiresMs === undefined ? '' : String(Math.max(1, Math.round(expiresMs)))
  }

  store(key: string, text: string): Promise<void> {
    if (this.#batch && (this.#batch.keys.length === largestBatch || this.#batch.size + text.length > largestSize)) {
      this.flush()
    }
    this.#batch ??= this.#open()
    this.#batch.keys.push(key)
    this.#batch.texts.push(text)
    this.#batch.size += text.length
    return this.#batch.written
  }

  async forget(key: string): Promise<void> {
    // Behind what was stored before it, in front of what is stored after it.
    this.flush()
    await this.#stores.run(() => this.#connection.send(['DEL', key]))
  }

  async fetch(keys: readonly string[]): Promise<(string | undefined)[]> {
    const replies: Promise<unknown>[] = []
    for (let from = 0; from < keys.length; from += largestFetch) {
      const args = ['MGET', ...keys.slice(from, from + largestFetch)]
      replies.push(this.#reads.run(() => this.#connection.send(args, { asBytes: this.#isBinary })))
    }
    const texts = (await Promise.all(replies)).flat() as (string | Buffer | null)[]
    return texts.map((text) => (text === null ? undefined : textOf(text)))
  }

  /** Sends what waits for the end of the turn. */
  flush(): void {
    const batch = this.#batch
    if (!batch) return
    this.#batch = undefined
    const args = [this.#ttl, ...(this.#isBinary ? batch.texts.map(bytesOf) : batch.texts)]
    const send = (): Promise<unknown> => this.#connection.run(storeScript, batch.keys, args)
    this.#stores.run(send, () => this.#taskIdOf(batch.keys[0] ?? '')).then(batch.resolve, batch.reject)
  }

  /** Resolves when all that was stored is written or has failed. */
  async idle(): Promise<void> {
    this.flush()
    await Promise.all(this.#unfinished)
  }

  #open(): Batch {
    const { promise: written, resolve, reject } = Promise.withResolvers<void>()
    const batch: Batch = { keys: [], texts: [], size: 0, written, resolve, reject }
    const ended: Promise<unknown> = written.catch(() => {}).then(() => this.#unfinished.delete(ended))
    this.#unfinished.add(ended)
    setImmediate(() => {
      if (this.#batch === batch) this.flush()
    })
    return batch
  }
}

/** Of a text that holds one byte in each of its units. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** Bytes as such a text. */
export function textOf(reply: string | Buffer): string {
  return typeof reply === 'string' ? reply : reply.toString('latin1')
}
