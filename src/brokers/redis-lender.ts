import type { Redis } from '../drivers/open-redis.ts'
import { Loan, RedisDelivery } from './redis-delivery.ts'
import type { RedisLease } from './redis-lease.ts'
import type { RedisLedger } from './redis-ledger.ts'
import { decodeTaken, reasonOf, recordEnding, type Taken, unreadableMessage } from './redis-messages.ts'
import type { RedisNames } from './redis-names.ts'

/** In turn the number of a list and the messages that came from it. The lists of all queues are counted step by step. */
export type TakenLists = readonly (number | readonly string[])[]

/** Makes deliveries of what a take brought. Nobody gets to see what cannot be read, or is not due. */
export class RedisLender {
  readonly #redis: Redis
  readonly #names: RedisNames
  readonly #ledger: RedisLedger

  constructor(redis: Redis, names: RedisNames, ledger: RedisLedger) {
    this.#redis = redis
    this.#names = names
    this.#ledger = ledger
  }

  /** `first`: the number in the tag of the first message; the others follow it. */
  lend(
    lease: RedisLease,
    queues: readonly string[],
    lists: TakenLists,
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

const noBytes = Buffer.alloc(0)
const noMessage = unreadableMessage(noBytes)

/** Nobody waits for it. If it cannot be done, the message stays lent, and comes back with the end of the lease. */
function warnOf(work: Promise<void>): void {
  work.catch((error: unknown) => {
    process.emitWarning(`A message that is not delivered stays lent: ${reasonOf(error)}`, { code: 'CELERIAC_BROKER' })
  })
}
