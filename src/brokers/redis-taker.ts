import type { Redis, RedisArgument, RedisConnection } from '../drivers/open-redis.ts'
import type { RedisConsumer } from './redis-consumer.ts'
import { Loan, RedisDelivery } from './redis-delivery.ts'
import type { RedisLease } from './redis-lease.ts'
import type { RedisLedger, Turn } from './redis-ledger.ts'
import { decodeTaken, reasonOf, recordEnding, type Taken, unreadableMessage } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'
import { takeOneScript, takeScript } from './redis-take-scripts.ts'
import { pushNumbers } from './redis-settlement.ts'

export interface Take {
  /** Messages that came, also those that nobody gets to see because they cannot be read or are not due. */
  readonly count: number
  /** Reads them. To be called once, soon: until then the next take may be on its way, but nobody knows what is held. */
  readonly open: () => readonly RedisDelivery[]
  /** In how many ms the next deferred message is due. */
  readonly dueInMs: number | undefined
}

/** Lost tags, ms until the next is due, then numbers of lists with their messages. See `takeScript`. */
type TakeReply = [readonly string[], number, ...(number | readonly string[])[]]

const leaseIsOver = -2
const mostKeptRoutes = 100

/** The queues of a subscription in the order in which they are asked, and the keys that follow from it. */
class Route {
  readonly queues: readonly string[]
  readonly keys: readonly string[]
  readonly endings: readonly string[]

  constructor(names: RedisNames, queues: readonly string[]) {
    this.queues = queues
    const lists = names.steps.flatMap((_, step) => queues.map((queue) => names.list(queue, step)))
    this.keys = [...queues.map((queue) => names.delayed(queue)), ...lists]
    this.endings = queues.map(recordEnding)
  }
}

export interface TakerOptions {
  readonly queueOrderStrategy: 'round_robin' | 'sorted' | 'priority'
  readonly visibilityTimeoutMs: number
}

/** Takes messages from the queues of one subscription, and acknowledges with the same step what is done. */
export class RedisTaker {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #consumer: RedisConsumer
  readonly #ledger: RedisLedger
  readonly #shares: string
  readonly #isSorted: boolean
  readonly #timeout: string
  #queues: readonly string[] = []
  #ordered: readonly string[] = []
  /** One for each queue that may come first, made when it is its turn. */
  #routes: (Route | undefined)[] = []
  /** One for each queue alone, made when it is waited at. */
  readonly #ways = new Map<string, Route>()
  #turn = 0

  constructor(redis: Redis, names: RedisNames, consumer: RedisConsumer, ledger: RedisLedger, options: TakerOptions) {
    this.#redis = redis
    this.#names = names
    this.#consumer = consumer
    this.#ledger = ledger
    this.#shares = options.queueOrderStrategy === 'round_robin' ? '1' : '0'
    this.#isSorted = options.queueOrderStrategy === 'sorted'
    this.#timeout = String(options.visibilityTimeoutMs / 1000)
  }

  get queues(): readonly string[] {
    return this.#queues
  }

  set queues(queues: readonly string[]) {
    this.#queues = queues
    this.#ordered = this.#isSorted ? queues.toSorted() : queues
    this.#routes = []
    this.#ways.clear()
    this.#turn = 0
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
      const route = this.#nextRoute()
      const first = lease.reserve(wanted)
      const reply = await this.#run(lease, route, wanted, first, acknowledged)
      isAcknowledged = true
      if (acknowledged) this.#ledger.acknowledgedAll(acknowledged, reply[0])
      if (reply[1] === leaseIsOver) this.#consumer.lose(lease)
      return this.#taken(lease, route, reply, first, release)
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
    const route = this.#wayTo(queue)
    if (!lease || !route) return undefined
    const first = lease.reserve(1)
    const { epoch } = lease
    const keys = [...this.#keysOf(lease), this.#names.list(queue, 0)]
    const args = [String(epoch), `${lease.tagBeginning}${first}`, ...route.endings]
    return connection.run(takeOneScript, keys, args).then(
      (text) => {
        if (typeof text !== 'string' || lease.epoch !== epoch || lease.isLost) return nothingTaken
        this.#consumer.beginTake()
        return this.#taken(lease, route, [[], -1, 0, [text]], first, release)
      },
      (error: unknown) => {
        if (!lease.isLost) this.#consumer.doubt()
        throw error
      },
    )
  }

  #nextRoute(): Route {
    const turn = this.#shares === '1' ? this.#turn++ % this.#ordered.length : 0
    return this.#routes[turn] ?? this.#makeRoute(turn)
  }

  #makeRoute(turn: number): Route {
    if (this.#ordered.length === 0) throw new Error('A subscription without queues takes nothing')
    const route = new Route(this.#names, rotated(this.#ordered, turn))
    // All of them together grow with the square of the queues.
    if (this.#ordered.length <= mostKeptRoutes) this.#routes[turn] = route
    return route
  }

  #wayTo(queue: string): Route | undefined {
    const known = this.#ways.get(queue)
    if (known || !this.#queues.includes(queue)) return known
    const way = new Route(this.#names, [queue])
    this.#ways.set(queue, way)
    return way
  }

  async #run(
    lease: RedisLease,
    route: Route,
    wanted: number,
    first: number,
    acknowledged: Turn<RedisDelivery> | undefined,
  ): Promise<TakeReply> {
    const { keys, args } = this.#command(lease, route, wanted, first)
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
    route: Route,
    wanted: number,
    first: number,
  ): { readonly keys: string[]; readonly args: RedisArgument[] } {
    const keys = [...this.#keysOf(lease), ...route.keys]
    const args: RedisArgument[] = [String(lease.epoch), String(wanted), lease.tagBeginning, String(first)]
    args.push(String(route.queues.length), this.#shares, this.#timeout, ...route.endings)
    return { keys, args }
  }

  #keysOf(lease: RedisLease): readonly string[] {
    const { unacked, unackedIndex } = this.#names
    return [unacked, unackedIndex, this.#names.held(lease.id), this.#names.epoch(lease.id)]
  }

  #taken(lease: RedisLease, route: Route, reply: TakeReply, first: number, release: (count: number) => void): Take {
    const dueInMs = reply[1]
    // The client keeps the promise of each reply as long as those that came after it, and the texts would stay with it.
    const lists = reply.splice(2) as (number | readonly string[])[]
    let count = 0
    for (let at = 1; at < lists.length; at += 2) count += (lists[at] as readonly string[]).length
    const open = (): readonly RedisDelivery[] => {
      try {
        if (!lease.isLost) return this.#lend(lease, route, lists, first, release)
        release(count)
        return []
      } finally {
        this.#consumer.endTake(true)
      }
    }
    return { count, open, dueInMs: dueInMs === leaseIsOver ? 0 : dueInMs < 0 ? undefined : dueInMs }
  }

  #lend(
    lease: RedisLease,
    { queues }: Route,
    lists: readonly (number | readonly string[])[],
    first: number,
    release: (count: number) => void,
  ): RedisDelivery[] {
    const deliveries: RedisDelivery[] = []
    let number = first
    for (let at = 0; at < lists.length; at += 2) {
      const list = lists[at] as number
      const queue = queues[list % queues.length] as string
      const stepIndex = Math.floor(list / queues.length)
      for (const text of lists[at + 1] as readonly string[]) {
        this.#lendOne(new Loan(lease, number++, queue, stepIndex, release), text, deliveries)
      }
    }
    if (number > first) this.#consumer.startHeart()
    return deliveries
  }

  #lendOne(loan: Loan, text: string, into: RedisDelivery[]): void {
    let taken: Taken
    try {
      taken = decodeTaken(text)
    } catch (error) {
      const delivery = new RedisDelivery(this.#ledger, loan, noMessage, 1)
      loan.lease.held.add(delivery)
      this.#bury(delivery, reasonOf(error))
      return
    }
    const delivery = new RedisDelivery(this.#ledger, loan, taken.message, taken.deliveryCount)
    loan.lease.held.add(delivery)
    // The script finds the time only in front, where it stays unless somebody wrote the envelope anew.
    if (taken.dueMs !== undefined && taken.dueMs > Date.now()) warnOf(this.#ledger.defer(delivery, taken.dueMs))
    else into.push(delivery)
  }

  /** With the bytes as they are in the record: as text they may not be what they were. */
  #bury(delivery: RedisDelivery, problem: string): void {
    const { tag, queue } = delivery.loan
    const buried = this.#redis.commands.send(['HGET', this.#names.unacked, tag], { asBytes: true }).then((record) => {
      const bytes = record instanceof Buffer ? record.subarray(1, -Buffer.byteLength(recordEnding(queue))) : noBytes
      return this.#ledger.bury(delivery, `Unreadable message: ${problem}`, unreadableMessage(bytes))
    })
    warnOf(buried)
  }
}

const nothingTaken: Take = { count: 0, open: () => [], dueInMs: undefined }
const noBytes = Buffer.alloc(0)
const noMessage = unreadableMessage(noBytes)

/** Nobody waits for it. If it cannot be done, the message stays lent, and comes back with the end of the lease. */
function warnOf(work: Promise<void>): void {
  work.catch((error: unknown) => {
    process.emitWarning(`A message that is not delivered stays lent: ${reasonOf(error)}`, { code: 'CELERIAC_BROKER' })
  })
}

function rotated(queues: readonly string[], first: number): string[] {
  return [...queues.slice(first), ...queues.slice(0, first)]
}
