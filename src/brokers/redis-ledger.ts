import type { Redis } from '../drivers/open-redis.ts'
import { deadLetterQueue, type Message, withDeath } from '../protocol/message.ts'
import { redeliveredEnvelope } from '../protocol/redelivered-envelope.ts'
import type { Outgoing } from './broker.ts'
import type { RedisConsumer } from './redis-consumer.ts'
import type { RedisDeclarations } from './redis-declarations.ts'
import type { RedisDelivery } from './redis-delivery.ts'
import type { RedisLease } from './redis-lease.ts'
import { encodePush, recordEnding } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'
import type { RedisPersistence } from './redis-persistence.ts'
import { acknowledgeAll, settleAll, type Settlement } from './redis-settlement.ts'
import { Turn } from './redis-turn.ts'

/** A script holds up the whole server: no more settlements in one. */
const largestBatch = 500

/** The settlements on their way to the server. Each may be sent again: a tag that is gone settles nothing. */
export class RedisLedger {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #declarations: RedisDeclarations
  readonly #visibilityTimeoutMs: number
  readonly #persistence: RedisPersistence
  readonly #endOfTurn = new Set<() => void>()
  #consumer: RedisConsumer | undefined
  #acknowledged: Turn<RedisDelivery> | undefined
  #settled: Turn<Settlement> | undefined
  #isScheduled = false

  constructor(
    redis: Redis,
    names: RedisNames,
    declarations: RedisDeclarations,
    persistence: RedisPersistence,
    visibilityTimeoutMs: number,
  ) {
    this.#persistence = persistence
    this.#redis = redis
    this.#names = names
    this.#declarations = declarations
    this.#visibilityTimeoutMs = visibilityTimeoutMs
  }

  /** Whose leases it looks at. */
  set consumer(consumer: RedisConsumer) {
    this.#consumer = consumer
  }

  look(lease: RedisLease): void {
    this.#consumer?.isLost(lease)
  }

  acknowledge(delivery: RedisDelivery): Promise<void> {
    if (!this.#acknowledged) {
      this.#acknowledged = new Turn()
      this.#schedule()
    }
    this.#acknowledged.entries.push(delivery)
    const { promise } = this.#acknowledged
    delivery.startSettling()
    return promise
  }

  replace(delivery: RedisDelivery, successors: readonly Outgoing[]): Promise<void> {
    try {
      const pushes = successors.map((outgoing) => encodePush(this.#names, outgoing))
      for (const { queue } of pushes) this.#declarations.declare(queue)
      return this.#settle({ kind: 'replace', delivery, pushes })
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /** `message` replaces one that cannot be read. */
  bury(delivery: RedisDelivery, reason: string, message: Message = delivery.message): Promise<void> {
    const { queue, deliveryCount: deliveries } = delivery
    const dead = withDeath(message, { reason, queue, at: new Date().toISOString(), deliveries })
    return this.replace(delivery, [{ message: dead, queue: deadLetterQueue(queue) }])
  }

  /** To the end of its queue, as Celery does it on Redis, with the flags of kombu. */
  requeue(delivery: RedisDelivery): Promise<void> {
    delivery.startSettling()
    return this.#requeue(delivery)
  }

  defer(delivery: RedisDelivery, dueMs: number): Promise<void> {
    return this.#settle({ kind: 'defer', delivery, dueMs })
  }

  /** To the place where they were, uncounted. */
  async giveBack(deliveries: readonly RedisDelivery[]): Promise<void> {
    // The first of the queue is put there last.
    const last = deliveries.toSorted((a, b) => (a.loan.tag < b.loan.tag ? 1 : -1))
    await Promise.all(last.map((delivery) => this.#settle({ kind: 'return', delivery })))
  }

  /** Runs `work` with the next flush, before what is acknowledged goes alone. */
  atEndOfTurn(work: () => void): void {
    this.#endOfTurn.add(work)
    this.#schedule()
  }

  /** What is to be acknowledged, for somebody who sends it along; he calls `acknowledgedAll` or `acknowledgeLater`. */
  takeAcknowledged(): Turn<RedisDelivery> | undefined {
    const turn = this.#acknowledged
    this.#acknowledged = undefined
    return turn
  }

  /** `lost`: tags whose messages somebody else has got. */
  acknowledgedAll(turn: Turn<RedisDelivery>, lost: readonly string[]): void {
    for (const delivery of turn.entries) finish(delivery, lost)
    turn.resolve()
  }

  acknowledgeLater(turn: Turn<RedisDelivery>): void {
    void this.#persistence
      .do(() => acknowledgeAll(this.#redis, this.#names, turn.entries))
      .then(
        (lost) => this.acknowledgedAll(turn, lost),
        (error: unknown) => {
          for (const delivery of turn.entries) delivery.resumeLoan()
          turn.reject(error)
        },
      )
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#isScheduled || !this.#persistence.isIdle) {
      await this.#persistence.idle()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#isScheduled = false
    const settled = this.#settled
    this.#settled = undefined
    if (settled) this.#sendSettlements(settled)
    const works = [...this.#endOfTurn]
    this.#endOfTurn.clear()
    for (const work of works) work()
    const left = this.takeAcknowledged()
    if (left) this.acknowledgeLater(left)
  }

  #settle(settlement: Settlement): Promise<void> {
    if (!this.#settled || this.#settled.entries.length >= largestBatch) {
      if (this.#settled) this.#sendSettlements(this.#settled)
      this.#settled = new Turn()
      this.#schedule()
    }
    this.#settled.entries.push(settlement)
    const { promise } = this.#settled
    settlement.delivery.startSettling()
    return promise
  }

  #sendSettlements(turn: Turn<Settlement>): void {
    const settle = (): Promise<string[]> => settleAll(this.#redis, this.#names, turn.entries, this.#visibilityTimeoutMs)
    void this.#persistence.do(settle).then(
      (lost) => {
        for (const { delivery } of turn.entries) finish(delivery, lost)
        turn.resolve()
      },
      (error: unknown) => {
        for (const { delivery } of turn.entries) delivery.resumeLoan()
        turn.reject(error)
      },
    )
  }

  async #requeue(delivery: RedisDelivery): Promise<void> {
    try {
      const { tag, queue, stepIndex } = delivery.loan
      const record = await this.#persistence.do(() => this.#redis.commands.send(['HGET', this.#names.unacked, tag]))
      if (typeof record !== 'string') {
        finish(delivery, [tag])
      } else {
        const raw = record.slice(1, -recordEnding(queue).length)
        const text = redeliveredEnvelope(raw, delivery.deliveryCount)
        const settlement: Settlement = { kind: 'replace', delivery, pushes: [{ queue, stepIndex, text }] }
        const settle = (): Promise<string[]> =>
          settleAll(this.#redis, this.#names, [settlement], this.#visibilityTimeoutMs)
        finish(delivery, await this.#persistence.do(settle))
      }
    } catch (error) {
      delivery.resumeLoan()
      throw error
    }
  }
}

function finish(delivery: RedisDelivery, lost: readonly string[]): void {
  if (lost.length > 0 && lost.includes(delivery.loan.tag)) delivery.lose()
  else delivery.finish()
}
