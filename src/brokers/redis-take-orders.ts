import type { RedisOptions } from '../drivers/open-redis.ts'
import { recordEnding } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'

const mostKeptOrders = 100

/** Queues in the order in which one take asks them, and the keys that follow from it. */
export class TakeOrder {
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

/** The queues of one subscription, and in which order the next take asks them. */
export class RedisTakeOrders {
  /** Each queue is the first in its turn. */
  readonly isRoundRobin: boolean
  readonly #names: RedisNames
  readonly #isSorted: boolean
  #queues: readonly string[] = []
  #ordered: readonly string[] = []
  /** One for each queue that may come first, made when it is its turn. */
  #turns: (TakeOrder | undefined)[] = []
  /** One for each queue alone, made when it is waited at. */
  readonly #alone = new Map<string, TakeOrder>()
  #turn = 0

  constructor(names: RedisNames, strategy: RedisOptions['queueOrderStrategy']) {
    this.#names = names
    this.isRoundRobin = strategy === 'round_robin'
    this.#isSorted = strategy === 'sorted'
  }

  get queues(): readonly string[] {
    return this.#queues
  }

  set queues(queues: readonly string[]) {
    this.#queues = queues
    this.#ordered = this.#isSorted ? queues.toSorted() : queues
    this.#turns = []
    this.#alone.clear()
    this.#turn = 0
  }

  next(): TakeOrder {
    const turn = this.isRoundRobin ? this.#turn++ % this.#ordered.length : 0
    return this.#turns[turn] ?? this.#make(turn)
  }

  /** Of one queue; undefined where it is none of the subscription. */
  only(queue: string): TakeOrder | undefined {
    const known = this.#alone.get(queue)
    if (known || !this.#queues.includes(queue)) return known
    const order = new TakeOrder(this.#names, [queue])
    this.#alone.set(queue, order)
    return order
  }

  #make(turn: number): TakeOrder {
    if (this.#ordered.length === 0) throw new Error('A subscription without queues takes nothing')
    const order = new TakeOrder(this.#names, rotated(this.#ordered, turn))
    // All of them together grow with the square of the queues.
    if (this.#ordered.length <= mostKeptOrders) this.#turns[turn] = order
    return order
  }
}

function rotated(queues: readonly string[], first: number): string[] {
  return [...queues.slice(first), ...queues.slice(0, first)]
}
