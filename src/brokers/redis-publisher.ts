import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Redis, type RedisArgument, RedisConnectionLost } from '../drivers/open-redis.ts'
import type { Outgoing } from './broker.ts'
import type { RedisDeclarations } from './redis-declarations.ts'
import { encodePush } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'
import { PublishBatch } from './redis-publish-batch.ts'
import { mostToOne, publishScript, publishToOneScript, renewKeptAfterMs } from './redis-publish-scripts.ts'

/**
 * Publishes what one turn of the event loop brings in one step. Where there is no connection, or it broke before the
 * reply, the batch is sent when there is one again, under its number, unless its callers have given up. Nothing that comes
 * later may overtake it then, because the server knows only the last number.
 */
export class RedisPublisher {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #declarations: RedisDeclarations
  readonly #producerKey: string
  #number = 0
  #renewedAtMs = 0
  #open: PublishBatch | undefined
  #inFlight = 0
  /** Without a reply, and what came after that. */
  #doubtful: PublishBatch[] = []
  #resending: Promise<void> | undefined
  readonly #idle: (() => void)[] = []

  constructor(redis: Redis, names: RedisNames, declarations: RedisDeclarations) {
    this.#redis = redis
    this.#names = names
    this.#declarations = declarations
    this.#producerKey = names.producer(randomBytes(9).toString('base64url'))
  }

  /** Rejects with OperationalError, at `giveUpAt` (ms since the epoch) at the latest once it is certain to be sent no more. */
  publish(messages: readonly Outgoing[], giveUpAt: number): Promise<void> {
    const pushes = messages.map((outgoing) => encodePush(this.#names, outgoing))
    if (pushes.length === 0) return Promise.resolve()
    const characters = pushes.reduce((sum, { text }) => sum + text.length, 0)
    return this.#batchFor(pushes.length, characters).add(pushes, characters, giveUpAt)
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#open || this.#inFlight > 0 || this.#resending) {
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    }
  }

  #batchFor(messages: number, characters: number): PublishBatch {
    const open = this.#open
    if (open?.hasRoomFor(messages, characters)) return open
    if (open) this.#send(open)
    // While nothing is on its way, what this turn has brought so far need not wait for the rest of it.
    else if (this.#inFlight === 0) process.nextTick(this.#flush)
    else setImmediate(this.#flush)
    return (this.#open = new PublishBatch())
  }

  readonly #flush = (): void => {
    const batch = this.#open
    this.#open = undefined
    if (batch) this.#send(batch)
  }

  #send(batch: PublishBatch): void {
    batch.number = ++this.#number
    if (this.#doubtful.length > 0) {
      this.#doubtful.push(batch)
      return
    }
    this.#inFlight++
    this.#run(batch).then(
      (reply) => {
        this.#inFlight--
        // Only a later batch can have been here before it: this one was never carried out.
        if (reply === 0) this.#send(batch)
        else batch.finish()
        this.#tellIdle()
      },
      (error: unknown) => {
        this.#inFlight--
        if (error instanceof RedisConnectionLost) this.#doubt(batch, error)
        else batch.fail(error)
        this.#tellIdle()
      },
    )
  }

  #run({ number, calls }: PublishBatch): Promise<unknown> {
    const lists = new Map<string, { readonly channel: string; readonly texts: string[] }>()
    for (const { pushes } of calls) {
      for (const { queue, stepIndex, text } of pushes) {
        const key = this.#names.list(queue, stepIndex)
        const list = lists.get(key)
        if (list) {
          list.texts.push(text)
          continue
        }
        this.#declarations.declare(queue)
        lists.set(key, { channel: stepIndex === 0 ? '' : this.#names.wakeChannel(queue), texts: [text] })
      }
    }
    const keys = [this.#producerKey, ...lists.keys()]
    const [only] = lists.values()
    if (only && lists.size === 1 && only.channel === '' && only.texts.length <= mostToOne) {
      const args = [String(number), this.#isRenewalDue() ? '1' : '', ...only.texts]
      return this.#redis.commands.run(publishToOneScript, keys, args)
    }
    const args: RedisArgument[] = [String(number)]
    for (const { channel, texts } of lists.values()) {
      args.push(channel, String(texts.length))
      for (const text of texts) args.push(text)
    }
    return this.#redis.commands.run(publishScript, keys, args)
  }

  #isRenewalDue(): boolean {
    const nowMs = Date.now()
    if (Math.abs(nowMs - this.#renewedAtMs) < renewKeptAfterMs) return false
    this.#renewedAtMs = nowMs
    return true
  }

  #doubt(batch: PublishBatch, reason: RedisConnectionLost): void {
    batch.doubt(reason)
    this.#doubtful.push(batch)
    this.#resending ??= this.#resend()
  }

  /** One after the other: a later one that is carried out first would hide an earlier one. */
  async #resend(): Promise<void> {
    // All that travelled on the broken connection fail together.
    do await sleep(1)
    while (this.#inFlight > 0)
    this.#doubtful.sort((a, b) => a.number - b.number)
    for (let batch = this.#doubtful[0]; batch; batch = this.#doubtful[0]) {
      batch.dropLate()
      if (batch.isEmpty || (await this.#isSettled(batch))) this.#doubtful.shift()
    }
    this.#resending = undefined
    this.#tellIdle()
  }

  async #isSettled(batch: PublishBatch): Promise<boolean> {
    try {
      await this.#redis.commands.ready(Math.max(1, batch.giveUpAt - Date.now()))
      batch.dropLate()
      if (!batch.isEmpty) await this.#run(batch)
      batch.finish()
      return true
    } catch (error) {
      if (error instanceof RedisConnectionLost) batch.doubt(error)
      if (error instanceof RedisConnectionLost || !this.#redis.commands.isReady) return false
      batch.fail(error)
      return true
    }
  }

  #tellIdle(): void {
    for (const tell of this.#idle.splice(0)) tell()
  }
}
