import type { Redis, RedisArgument, RedisConnection, RedisOptions } from '../drivers/open-redis.ts'
import type { RedisConsumer } from './redis-consumer.ts'
import type { RedisDelivery } from './redis-delivery.ts'
import type { RedisLease } from './redis-lease.ts'
import type { RedisLedger } from './redis-ledger.ts'
import { RedisLender, type TakenLists } from './redis-lender.ts'
import type { RedisNames } from './redis-names.ts'
import { pushNumbers } from './redis-settlement.ts'
import { RedisTakeOrders, type TakeOrder } from './redis-take-orders.ts'
import { takeOneScript, takeScript } from './redis-take-scripts.ts'
import type { Turn } from './redis-turn.ts'

export interface Take {
  /** Messages that came, also those that nobody gets to see because they cannot be read or are not due. */
  readonly count: number
  /** Reads them. To be called once, soon: until then the next take may be on its way, but nobody knows what is held. */
  readonly open: () => readonly RedisDelivery[]
  /** In how many ms the next deferred message is due. */
  readonly dueInMs: number | undefined
}

/** Lost tags, ms until the next is due, then numbers of lists with their messages. See `takeScript`. */
type TakeReply = [readonly string[], number, ...TakenLists]

const leaseIsOver = -2

/** Takes messages from the queues of one subscription, and acknowledges with the same step what is done. */
export class RedisTaker {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #consumer: RedisConsumer
  readonly #ledger: RedisLedger
  readonly #lender: RedisLender
  readonly #orders: RedisTakeOrders
  readonly #shares: string
  readonly #timeout: string

  constructor(redis: Redis, names: RedisNames, consumer: RedisConsumer, ledger: RedisLedger, options: RedisOptions) {
    this.#redis = redis
    this.#names = names
    this.#consumer = consumer
    this.#ledger = ledger
    this.#lender = new RedisLender(redis, names, ledger)
    this.#orders = new RedisTakeOrders(names, options.queueOrderStrategy)
    this.#shares = this.#orders.isRoundRobin ? '1' : '0'
    this.#timeout = String(options.visibilityTimeoutMs / 1000)
  }

  get queues(): readonly string[] {
    return this.#orders.queues
  }

  set queues(queues: readonly string[]) {
    this.#orders.queues = queues
  }

  /**
   * Takes up to `wanted` messages; each calls `release` when it is settled. Rejects with OperationalError; what is to be
   * acknowledged is sent on by the ledger then.
   */
  async take(
    wanted: number,
    acknowledged: Turn<RedisDelivery> | undefined,
    release: (count: number) => void,
  ): Promise<Take> {
    let isAcknowledged = false
    try {
      const lease = this.#consumer.leaseIfHeld ?? (await this.#consumer.lease())
      const order = this.#orders.next()
      const first = lease.reserve(wanted)
      const reply = await this.#run(lease, order, wanted, first, acknowledged)
      isAcknowledged = true
      if (acknowledged) this.#ledger.acknowledgedAll(acknowledged, reply[0])
      if (reply[1] === leaseIsOver) this.#consumer.lose(lease)
      return this.#taken(lease, order, reply, first, release)
    } finally {
      if (acknowledged && !isAcknowledged) this.#ledger.acknowledgeLater(acknowledged)
    }
  }

  /**
   * Takes one message of a queue, with a command that the connection sends at once. Undefined where the lease has to be
   * looked after first. It may wait at the server for long, so nobody waits for it: what it took in an epoch that is over was returned.
   */
  takeBehind(connection: RedisConnection, queue: string, release: (count: number) => void): Promise<Take> | undefined {
    const lease = this.#consumer.leaseIfHeld
    const order = this.#orders.only(queue)
    if (!lease || !order) return undefined
    const first = lease.reserve(1)
    const { epoch } = lease
    const keys = [...this.#keysOf(lease), this.#names.list(queue, 0)]
    const args = [String(epoch), `${lease.tagBeginning}${first}`, ...order.endings]
    return connection.run(takeOneScript, keys, args).then(
      (text) => {
        if (typeof text !== 'string' || lease.epoch !== epoch || lease.isLost) return nothingTaken
        this.#consumer.beginTake()
        return this.#taken(lease, order, [[], -1, 0, [text]], first, release)
      },
      (error: unknown) => {
        if (!lease.isLost) this.#consumer.doubt()
        throw error
      },
    )
  }

  async #run(
    lease: RedisLease,
    order: TakeOrder,
    wanted: number,
    first: number,
    acknowledged: Turn<RedisDelivery> | undefined,
  ): Promise<TakeReply> {
    const { keys, args } = this.#command(lease, order, wanted, first)
    if (acknowledged) pushNumbers(args, acknowledged.entries, lease)
    this.#consumer.beginTake()
    try {
      return (await this.#redis.commands.run(takeScript, keys, args)) as TakeReply
    } catch (error) {
      this.#consumer.endTake(false)
      throw error
    }
  }

  #command(
    lease: RedisLease,
    order: TakeOrder,
    wanted: number,
    first: number,
  ): { readonly keys: string[]; readonly args: RedisArgument[] } {
    const keys = [...this.#keysOf(lease), ...order.keys]
    const args: RedisArgument[] = [String(lease.epoch), String(wanted), lease.tagBeginning, String(first)]
    args.push(String(order.queues.length), this.#shares, this.#timeout, ...order.endings)
    return { keys, args }
  }

  #keysOf(lease: RedisLease): readonly string[] {
    const { unacked, unackedIndex } = this.#names
    return [unacked, unackedIndex, this.#names.held(lease.id), this.#names.epoch(lease.id)]
  }

  #taken(lease: RedisLease, order: TakeOrder, reply: TakeReply, first: number, release: (count: number) => void): Take {
    const dueInMs = reply[1]
    // The client keeps the promise of each reply as long as those that came after it, and the texts would stay with it.
    const lists = reply.splice(2) as TakenLists
    let count = 0
    for (let at = 1; at < lists.length; at += 2) count += (lists[at] as readonly string[]).length
    const open = (): readonly RedisDelivery[] => {
      try {
        if (lease.isLost) {
          release(count)
          return []
        }
        const deliveries = this.#lender.lend(lease, order.queues, lists, first, release)
        if (count > 0) this.#consumer.startHeart()
        return deliveries
      } finally {
        this.#consumer.endTake(true)
      }
    }
    return { count, open, dueInMs: dueInMs === leaseIsOver ? 0 : dueInMs < 0 ? undefined : dueInMs }
  }
}

const nothingTaken: Take = { count: 0, open: () => [], dueInMs: undefined }
