import { randomUUID } from 'node:crypto'
import type { Redis, RedisOptions } from '../drivers/open-redis.ts'
import { readUnacked } from '../protocol/redelivered-envelope.ts'
import {
  condemnScript,
  forgetScript,
  resignScript,
  restoreScript,
  unlockScript,
  visibleScript,
} from './redis-consumer-scripts.ts'
import { queuesBoundTo } from './redis-bindings.ts'
import type { RedisNames } from './redis-names.ts'

/** Messages looked at in one step. */
const pageSize = 100

/** Where a message goes back to. */
interface Place {
  readonly key: string
  readonly channel: string
}

/** One message to be restored: what is in its record, and what comes into the lists instead. */
interface Restoring {
  readonly tag: string
  readonly record: Buffer
  readonly envelope: string | Buffer
  readonly places: readonly Place[]
}

/** Gives back what others left behind: consumers of ours that are gone, and kombu's after its visibility timeout. */
export class RedisSweep {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #options: RedisOptions

  constructor(redis: Redis, names: RedisNames, options: RedisOptions) {
    this.#redis = redis
    this.#names = names
    this.#options = options
  }

  /** Ends the leases that were not renewed in time and gives back what they held. `own` is not judged. */
  async buryDead(own: string | undefined): Promise<void> {
    const { consumers, graceUntil, renewedAt } = this.#names
    const dead = await this.#redis.commands.run(
      condemnScript,
      [consumers, graceUntil, renewedAt],
      [this.#names.epoch(''), own ?? '', String(this.#options.leaseMs)],
    )
    for (const consumer of dead as string[]) {
      const held = this.#names.held(consumer)
      const tags = (await this.#redis.commands.send(['SMEMBERS', held])) as string[]
      // The first of the queue is put there last.
      await this.#restore(tags.toSorted().toReversed(), held)
      const keys = [consumers, this.#names.epoch(consumer), held, this.#names.holder(consumer)]
      await this.#redis.commands.run(resignScript, keys, [consumer])
    }
  }

  /** kombu's restore_visible, under its lock, but by the clock of the server, on which all agree. */
  async restoreVisible(): Promise<void> {
    const { unackedMutex, unackedIndex, renewedAt, graceUntil } = this.#names
    const { unackedMutexExpireMs, visibilityTimeoutMs, leaseMs } = this.#options
    const token = randomUUID()
    const lock = ['SET', unackedMutex, token, 'NX', 'PX', String(Math.ceil(unackedMutexExpireMs))]
    if ((await this.#redis.commands.send(lock)) === null) return
    try {
      const keys = [unackedIndex, renewedAt, graceUntil]
      const args = [leaseMs, visibilityTimeoutMs, pageSize].map(String)
      for (;;) {
        const tags = (await this.#redis.commands.run(visibleScript, keys, args)) as string[]
        const left = await this.#restore(tags, this.#names.held(''))
        if (tags.length < pageSize || left === tags.length) break
      }
    } finally {
      await this.#redis.commands.run(unlockScript, [unackedMutex], [token])
    }
  }

  /** Messages of which nobody has seen anything: back as they were, uncounted. */
  async giveBack(tags: readonly string[], held: string): Promise<void> {
    const sorted = tags.toSorted().toReversed()
    for (let from = 0; from < sorted.length; from += pageSize) {
      await this.#restorePage(sorted.slice(from, from + pageSize), held, false)
    }
  }

  /** Returns how many could not be restored. */
  async #restore(tags: readonly string[], held: string): Promise<number> {
    let left = 0
    for (let from = 0; from < tags.length; from += pageSize) {
      left += await this.#restorePage(tags.slice(from, from + pageSize), held)
    }
    return left
  }

  async #restorePage(tags: readonly string[], held: string, isCounted = true): Promise<number> {
    const { unacked, unackedIndex } = this.#names
    const records = await this.#redis.commands.send(['HMGET', unacked, ...tags], { asBytes: true })
    const restorings: Restoring[] = []
    const gone: string[] = []
    for (const [index, record] of (records as (Buffer | null)[]).entries()) {
      const tag = tags[index] as string
      if (record === null) gone.push(tag)
      else restorings.push(await this.#restoringOf(tag, record, isCounted))
    }
    if (gone.length > 0) await this.#redis.commands.run(forgetScript, [unacked, unackedIndex, held], gone)
    if (restorings.length === 0) return 0
    const keys = [unacked, unackedIndex, held]
    const args: (string | Buffer)[] = []
    for (const { tag, record, envelope, places } of restorings) {
      args.push(tag, record, String(places.length))
      for (const { key, channel } of places) args.push(String(keys.push(key)), channel, envelope)
    }
    const restored = await this.#redis.commands.run(restoreScript, keys, args)
    return restorings.length - Number(restored)
  }

  async #restoringOf(tag: string, record: Buffer, isCounted: boolean): Promise<Restoring> {
    const text = record.toString('utf8')
    const unacked = text.includes('\uFFFD') ? undefined : readUnacked(text)
    if (!unacked) return this.#unreadable(tag, record)
    const { exchange, routingKey, wirePriority, redelivered } = unacked
    const queues = exchange === '' ? [routingKey] : await queuesBoundTo(this.#redis, this.#names, exchange, routingKey)
    const stepIndex = this.#names.stepIndex(wirePriority)
    const places = queues.map((queue) => ({
      key: this.#names.list(queue, stepIndex),
      channel: stepIndex === 0 ? '' : this.#names.wakeChannel(queue),
    }))
    return { tag, record, envelope: isCounted ? redelivered : this.#unreadable(tag, record).envelope, places }
  }

  /** Goes back as it is, to whoever can say what is wrong with it. */
  #unreadable(tag: string, record: Buffer): Restoring {
    const ending = /, "", ("(?:[^"\\]|\\.)*")\]$/.exec(record.toString('latin1'))
    const queue = ending?.[1] === undefined ? 'celery' : readQueue(ending[1])
    const envelope = ending ? record.subarray(1, ending.index) : record
    return { tag, record, envelope, places: [{ key: this.#names.list(queue, 0), channel: '' }] }
  }
}

function readQueue(latin1: string): string {
  return JSON.parse(Buffer.from(latin1, 'latin1').toString('utf8')) as string
}
