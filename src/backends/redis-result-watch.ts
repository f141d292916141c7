import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisSubscriber } from '../drivers/open-redis.ts'
import { OperationalError } from '../errors.ts'
import { throwLater } from '../util/throw-later.ts'
import type { TaskMeta } from '../protocol/task-meta.ts'
import type { RedisResultKeys } from './redis-keys.ts'
import type { ResultForm } from './result-form.ts'
import { loadMetaOf } from './stored-meta.ts'

type Fetch = (keys: readonly string[]) => Promise<(string | undefined)[]>

/** Keys of one look after a reconnect. */
const largestLook = 1000
/** After a look that failed. */
const retryMs = 200

/**
 * Tells of published states. What was published while the connection was lost is fetched when it is back, and told where
 * it is not what was told last.
 */
export class RedisResultWatch {
  readonly #subscriber: RedisSubscriber
  readonly #keys: RedisResultKeys
  readonly #form: ResultForm
  readonly #fetch: Fetch
  readonly #watches = new Set<Watch>()
  #isLooking = false
  #isStale = false
  /** Keys of which bytes were published. */
  #changed: Map<string, Set<Watch>> | undefined

  constructor(subscriber: RedisSubscriber, keys: RedisResultKeys, form: ResultForm, fetch: Fetch) {
    this.#subscriber = subscriber
    this.#keys = keys
    this.#form = form
    this.#fetch = fetch
  }

  async watch(taskIds: readonly string[], onMeta: (meta: TaskMeta) => void): Promise<AsyncDisposable> {
    const keys = [...new Set(taskIds)].map((taskId) => this.#keys.task(taskId))
    const watch = new Watch(keys, (text, key) => this.#decode(text, key), onMeta)
    if (keys.length === 0) return watch
    const hear = this.#form.isBinary ? (_: string, key: string) => this.#read(watch, key) : watch.hear
    const subscription = await this.#subscriber.subscribe(keys, hear, this.#resubscribed)
    watch.begin(async () => {
      this.#watches.delete(watch)
      await subscription[Symbol.asyncDispose]()
    })
    this.#watches.add(watch)
    return watch
  }

  /** Nobody is told anything any more. */
  async stop(): Promise<void> {
    for (const watch of this.#watches) await watch[Symbol.asyncDispose]()
  }

  /** The subscription decodes what it hears as UTF-8: bytes are read from the key. */
  #read(watch: Watch, key: string): void {
    if (!watch.isActive) return
    if (!this.#changed) {
      this.#changed = new Map()
      setImmediate(() => void this.#readChanged())
    }
    const watches = this.#changed.get(key)
    if (watches) watches.add(watch)
    else this.#changed.set(key, new Set([watch]))
  }

  async #readChanged(): Promise<void> {
    const changed = [...(this.#changed ?? [])]
    this.#changed = undefined
    try {
      const texts = await this.#fetch(changed.map(([key]) => key))
      for (const [index, [key, watches]] of changed.entries()) {
        const text = texts[index]
        if (text !== undefined) for (const watch of watches) watch.hearNew(text, key)
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throwLater(error)
      else this.#resubscribed()
    }
  }

  /** A text that cannot be read, from a newer release perhaps, must not end the process; `fetch` throws for it. */
  #decode(text: string, key: string): TaskMeta | undefined {
    const taskId = this.#keys.taskIdOf(key)
    try {
      return loadMetaOf(taskId, text, this.#form)
    } catch (error) {
      process.emitWarning(`The stored state of task ${taskId} cannot be read: ${String(error)}`, 'CeleriacWarning')
      return undefined
    }
  }

  /** Told once for each watch, looked once for all. */
  readonly #resubscribed = (): void => {
    this.#isStale = true
    if (this.#isLooking) return
    this.#isLooking = true
    setImmediate(() => void this.#look())
  }

  /** Goes on until it worked: the connection that fetches may be lost when the one that hears is back. */
  async #look(): Promise<void> {
    while (this.#isStale && this.#watches.size > 0) {
      this.#isStale = false
      const looked = [...this.#watches]
      for (const watch of looked) watch.beginLook()
      try {
        await this.#fetchAll(looked)
      } catch (error) {
        if (!(error instanceof OperationalError)) throwLater(error)
        else this.#isStale = true
        await sleep(retryMs, undefined, { ref: false })
      }
      for (const watch of looked) watch.endLook()
    }
    this.#isLooking = false
  }

  async #fetchAll(watches: readonly Watch[]): Promise<void> {
    const asked = watches.flatMap((watch) => watch.keys.map((key) => ({ watch, key })))
    for (let from = 0; from < asked.length; from += largestLook) {
      const some = asked.slice(from, from + largestLook)
      const texts = await this.#fetch(some.map(({ key }) => key))
      // What was published before the fetch is told first: what the fetch says is then newer, or known.
      await this.#subscriber.caughtUp()
      for (const [index, { watch, key }] of some.entries()) watch.found(key, texts[index])
    }
  }
}

/** One call of `watch`. */
class Watch implements AsyncDisposable {
  readonly keys: readonly string[]
  readonly #decode: (text: string, key: string) => TaskMeta | undefined
  readonly #onMeta: (meta: TaskMeta) => void
  /** The last that was told, by key. */
  #told: Map<string, string> | undefined
  /** What was heard while a look went on. */
  #heard: Set<string> | undefined
  #end: (() => Promise<void>) | undefined
  isActive = false

  constructor(
    keys: readonly string[],
    decode: (text: string, key: string) => TaskMeta | undefined,
    onMeta: (meta: TaskMeta) => void,
  ) {
    this.keys = keys
    this.#decode = decode
    this.#onMeta = onMeta
  }

  /** What was heard before is for `fetch` to tell. */
  begin(end: () => Promise<void>): void {
    this.isActive = true
    this.#end = end
  }

  readonly hear = (text: string, key: string): void => {
    if (!this.isActive) return
    this.#heard?.add(key)
    this.#tell(text, key)
  }

  /** Unless it was told already. */
  hearNew(text: string, key: string): void {
    if (this.#told?.get(key) !== text) this.hear(text, key)
  }

  beginLook(): void {
    this.#heard = new Set()
  }

  found(key: string, text: string | undefined): void {
    if (text === undefined || !this.isActive || this.#heard?.has(key) || this.#told?.get(key) === text) return
    this.#tell(text, key)
  }

  endLook(): void {
    this.#heard = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isActive = false
    const end = this.#end
    this.#end = undefined
    await end?.()
  }

  #tell(text: string, key: string): void {
    this.#told ??= new Map()
    this.#told.set(key, text)
    const meta = this.#decode(text, key)
    try {
      if (meta) this.#onMeta(meta)
    } catch (error) {
      throwLater(error)
    }
  }
}
