import { randomBytes } from 'node:crypto'
import { Bag } from '../util/bag.ts'
import type { RedisDelivery } from './redis-delivery.ts'

/** With as many digits as all that follow, so that tags sort as they were given. */
const firstNumber = 1_000_000_000_000
/**
 * Makes tags longer than 64 bytes. Redis keeps a small sorted set of shorter ones as a list that it walks through for each
 * change, which costs more than all the rest of a take.
 */
const padding = '0'.repeat(40)
/** A take may also give tags to messages that are not due yet. */
const spareNumbers = 3000

/**
 * What this process holds messages by: as long as it is renewed, nobody else gets them. Once lost it stays lost, and a
 * new one is begun, with a new id. Tags of messages are the id and a number, and never used again, so that an old holder
 * of a message cannot settle the loan of a new one.
 */
export class RedisLease {
  readonly id: string = randomBytes(9).toString('base64url')
  readonly tagBeginning: string = `${this.id}:${padding}`
  /** What is lent, or being settled. */
  readonly held: Bag<RedisDelivery> = new Bag()
  epoch = 1
  #number: number = firstNumber
  #isLost = false

  get isLost(): boolean {
    return this.#isLost
  }

  /** The number of the first of up to `count` messages. */
  reserve(count: number): number {
    const number = this.#number
    this.#number += count + spareNumbers
    return number
  }

  /** Ends it here: somebody else has, or may have, what was held. */
  lose(): void {
    if (this.#isLost) return
    this.#isLost = true
    for (const delivery of this.held.items()) delivery.lose()
  }
}
