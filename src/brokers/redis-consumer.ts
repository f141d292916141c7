import { hostname } from 'node:os'
import type { Redis, RedisOptions } from '../drivers/open-redis.ts'
import { recoverScript, registerScript, resignScript } from './redis-consumer-scripts.ts'
import { RedisHeart, steadyMs } from './redis-heart.ts'
import { RedisLease } from './redis-lease.ts'
import type { RedisNames } from './redis-names.ts'
import { renewLease } from './redis-renewal.ts'

/** A thread costs some 100 ms of work: while nothing is held, the start of the program goes first. */
const heartDelayMs = 2000
/** For people who ask who holds a message. */
const whoWeAre = `process ${process.pid} on ${hostname()}`

/** This process among those that hold messages: its lease, renewed by a thread, and what has to be known before a take. */
export class RedisConsumer {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #url: string
  readonly #options: RedisOptions
  readonly #giveBack: (lease: RedisLease, tags: readonly string[]) => Promise<void>
  #lease: RedisLease | undefined
  #heart: RedisHeart | undefined
  /** When the lease was asked for, until the heart renews it. */
  #registeredMs = 0n
  #heartTimer: NodeJS.Timeout | undefined
  #registering: Promise<RedisLease> | undefined
  /** Takes on their way: what they took is not known here yet. */
  #taking = 0
  #isInDoubt = false
  #recovering: Promise<void> | undefined
  readonly #whenQuiet: (() => void)[] = []

  /** `giveBack` returns messages that were taken without anybody here having heard of it. */
  constructor(
    redis: Redis,
    names: RedisNames,
    url: string,
    options: RedisOptions,
    giveBack: (lease: RedisLease, tags: readonly string[]) => Promise<void>,
  ) {
    this.#redis = redis
    this.#names = names
    this.#url = url
    this.#options = options
    this.#giveBack = giveBack
    // The server may have been replaced by an older one, which says that what was acknowledged is held.
    redis.commands.onLost(() => {
      this.#isInDoubt = true
    })
  }

  /** The lease, where it can be taken with at once. */
  get leaseIfHeld(): RedisLease | undefined {
    return this.#isInDoubt || this.#registering ? undefined : this.#lease
  }

  get leaseIfKnown(): RedisLease | undefined {
    return this.#lease
  }

  /** The lease to take with, begun if there is none, and with nothing left that a broken connection hid. */
  async lease(): Promise<RedisLease> {
    await this.clearDoubt()
    return this.#registering ?? this.#lease ?? (this.#registering = this.#register())
  }

  /** Gives back what was taken without anybody here having heard of it. Rejects with OperationalError. */
  async clearDoubt(): Promise<void> {
    if (this.#isInDoubt && this.#lease) await (this.#recovering ??= this.#recover())
  }

  /** To be called around each take; `isKnown` false: it failed, and what it took, if anything, is not known. */
  beginTake(): void {
    this.#taking++
  }

  endTake(isKnown: boolean): void {
    this.#taking--
    if (!isKnown) this.doubt()
    if (this.#taking === 0) for (const tell of this.#whenQuiet.splice(0)) tell()
  }

  /** Something may have been taken that nobody here knows of. It is returned before the next take. */
  doubt(): void {
    this.#isInDoubt = true
  }

  /** The lease is over: what it held is lost, and the next take begins a new one. */
  lose(lease: RedisLease): void {
    if (this.#lease === lease) {
      this.#lease = undefined
      this.#isInDoubt = false
    }
    lease.lose()
  }

  /** Whether the lease is over, or may be because the process stood still. */
  isLost(lease: RedisLease): boolean {
    if (!lease.isLost && this.#lease === lease && this.#heart?.isSuspect) this.lose(lease)
    return lease.isLost
  }

  /** Where the thread does not. */
  async renew(): Promise<void> {
    const lease = this.#lease
    if (!lease || this.#heart?.isReady) return
    const sentMs = steadyMs()
    const isKept = await renewLease(this.#redis, this.#names, lease.id, this.#options.leaseMs, true)
    if (isKept) this.#heart?.noteRenewal(sentMs)
    else this.lose(lease)
  }

  /** After everything was settled or given back. */
  async resign(): Promise<void> {
    clearTimeout(this.#heartTimer)
    if (this.#isInDoubt && this.#lease && this.#redis.commands.isReady) await this.#recover()
    await this.#heart?.stop()
    const lease = this.#lease
    if (!lease || !this.#redis.commands.isReady) return
    this.#lease = undefined
    const names = this.#names
    const keys = [names.consumers, names.epoch(lease.id), names.held(lease.id), names.holder(lease.id)]
    await this.#redis.commands.run(resignScript, keys, [lease.id])
  }

  async #register(): Promise<RedisLease> {
    try {
      const lease = new RedisLease()
      const sentMs = steadyMs()
      const { consumers, renewedAt, graceUntil } = this.#names
      const keys = [consumers, this.#names.epoch(lease.id), renewedAt, graceUntil, this.#names.holder(lease.id)]
      await this.#redis.commands.run(registerScript, keys, [lease.id, String(this.#options.leaseMs), '1', whoWeAre])
      this.#lease = lease
      this.#registeredMs = sentMs
      this.#heart?.keep(lease.id, sentMs)
      // Of a short lease little is left when the thread has started, and a body may block the event loop from its start.
      if (this.#options.leaseMs < 10 * heartDelayMs) {
        this.startHeart()
        await this.#heart?.started()
      } else this.#heartTimer ??= setTimeout(this.startHeart, heartDelayMs).unref()
      return lease
    } finally {
      this.#registering = undefined
    }
  }

  /** To be called before anything is delivered, for a body may block the event loop. */
  readonly startHeart = (): void => {
    if (this.#heart || !this.#lease) return
    clearTimeout(this.#heartTimer)
    this.#heart = new RedisHeart(this.#url, this.#options, this.#lease.id, this.#registeredMs, this.#loseById)
  }

  readonly #loseById = (consumerId: string): void => {
    if (this.#lease?.id === consumerId) this.lose(this.#lease)
  }

  /** No take that was sent before may be carried out after this: the epoch is another one. */
  async #recover(): Promise<void> {
    try {
      if (this.#taking > 0) await new Promise<void>((resolve) => this.#whenQuiet.push(resolve))
      const lease = this.#lease
      if (!lease) return
      const keys = [this.#names.consumers, this.#names.epoch(lease.id), this.#names.held(lease.id)]
      const reply = await this.#redis.commands.run(recoverScript, keys, [String(lease.epoch), String(lease.epoch + 1)])
      if (reply === -1) return this.lose(lease)
      const known = new Set(lease.held.items().map(({ loan }) => loan.tag))
      const unknown = (reply as string[]).filter((tag) => !known.has(tag))
      // From here on the reply of a take that waited at the server is too late: what it took is among the unknown.
      lease.epoch++
      await this.#giveBack(lease, unknown)
      this.#isInDoubt = false
    } finally {
      this.#recovering = undefined
    }
  }
}
