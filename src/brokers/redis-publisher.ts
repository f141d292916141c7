import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Redis, type RedisArgument, RedisConnectionLost } from '../drivers/open-redis.ts'
import { OperationalError } from '../errors.ts'
import type { Outgoing } from './broker.ts'
import type { RedisDeclarations } from './redis-declarations.ts'
import { encodePush, type Push } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'
import { mostToOne, publishScript, publishToOneScript, renewKeptAfterMs } from './redis-publish-scripts.ts'

/**
 * Calls of one turn are gathered up to so many messages: while the server takes some, those who awaited others go on. One
 * call with more of them stays one.
 */
const largestBatch = 32
/** A script holds up the whole server. */
const largestText = 4_000_000

/** A class and no literal for the garbage collector: see `Guarded` of `util/deadlines.ts`. */
class Call {
  readonly pushes: readonly Push[]
  readonly giveUpAt: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void

  constructor(
    pushes: readonly Push[],
    giveUpAt: number,
    { resolve, reject }: Pick<PromiseWithResolvers<void>, 'resolve' | 'reject'>,
  ) {
    this.pushes = pushes
    this.giveUpAt = giveUpAt
    this.resolve = resolve
    this.reject = reject
  }
}

/** What one turn of the event loop publishes. It is carried out once, under its number, or not at all. */
interface Batch {
  number: number
  calls: Call[]
  messages: number
  characters: number
  /** It was sent once, and nothing tells whether it was carried out. */
  isInDoubt: boolean
  /** Why it was not sent, or not confirmed. */
  reason: Error | undefined
}

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
  #open: Batch | undefined
  #inFlight = 0
  /** Without a reply, and what came after that. */
  #doubtful: Batch[] = []
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
    const settling = Promise.withResolvers<void>()
    this.#batchFor(pushes).calls.push(new Call(pushes, giveUpAt, settling))
    return settling.promise
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#open || this.#inFlight > 0 || this.#resending) {
      await new Promise<void>((resolve) => this.#idle.push(resolve))
    }
  }

  #batchFor(pushes: readonly Push[]): Batch {
    const characters = pushes.reduce((sum, { text }) => sum + text.length, 0)
    const open = this.#open
    if (open && open.messages + pushes.length <= largestBatch && open.characters + characters <= largestText) {
      open.messages += pushes.length
      open.characters += characters
      return open
    }
    if (open) this.#send(open)
    // While nothing is on its way, what this turn has brought so far need not wait for the rest of it.
    else if (this.#inFlight === 0) process.nextTick(this.#flush)
    else setImmediate(this.#flush)
    return (this.#open = {
      number: 0,
      calls: [],
      messages: pushes.length,
      characters,
      isInDoubt: false,
      reason: undefined,
    })
  }

  readonly #flush = (): void => {
    const batch = this.#open
    this.#open = undefined
    if (batch) this.#send(batch)
  }

  #send(batch: Batch): void {
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
        else finish(batch)
        this.#tellIdle()
      },
      (error: unknown) => {
        this.#inFlight--
        if (error instanceof RedisConnectionLost) this.#doubt(batch, error)
        else fail(batch, error)
        this.#tellIdle()
      },
    )
  }

  #run({ number, calls }: Batch): Promise<unknown> {
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

  #doubt(batch: Batch, reason: RedisConnectionLost): void {
    note(batch, reason)
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
      dropLate(batch)
      if (batch.calls.length === 0 || (await this.#isSettled(batch))) this.#doubtful.shift()
    }
    this.#resending = undefined
    this.#tellIdle()
  }

  async #isSettled(batch: Batch): Promise<boolean> {
    try {
      const leftMs = Math.min(...batch.calls.map(({ giveUpAt }) => giveUpAt)) - Date.now()
      await this.#redis.commands.ready(Math.max(1, leftMs))
      dropLate(batch)
      if (batch.calls.length > 0) await this.#run(batch)
      finish(batch)
      return true
    } catch (error) {
      if (error instanceof RedisConnectionLost) note(batch, error)
      if (error instanceof RedisConnectionLost || !this.#redis.commands.isReady) return false
      fail(batch, error)
      return true
    }
  }

  #tellIdle(): void {
    for (const tell of this.#idle.splice(0)) tell()
  }
}

function finish({ calls }: Batch): void {
  for (const { resolve } of calls) resolve()
}

function fail({ calls }: Batch, error: unknown): void {
  for (const { reject } of calls) reject(error)
}

function note(batch: Batch, reason: RedisConnectionLost): void {
  batch.isInDoubt ||= reason.mayHaveRun
  batch.reason = reason
}

/** Whoever was told that his call failed must not find it published later. */
function dropLate(batch: Batch): void {
  const nowMs = Date.now()
  const isLate = ({ giveUpAt }: Call): boolean => giveUpAt <= nowMs
  if (!batch.calls.some(isLate)) return
  const { isInDoubt, reason } = batch
  const outcome = isInDoubt ? 'it may or may not have been carried out' : 'it was not carried out'
  const error = new OperationalError(
    `A publish was not confirmed before its time was up; ${outcome}: ${reason?.message ?? 'no connection to Redis'}`,
    { cause: reason },
  )
  for (const { reject } of batch.calls.filter(isLate)) reject(error)
  batch.calls = batch.calls.filter((call) => !isLate(call))
}
