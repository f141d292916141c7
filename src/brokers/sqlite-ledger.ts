import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import { deadLetterQueue, type Message, withDeath } from '../protocol/message.ts'
import type { Loan, SqliteDelivery } from './sqlite-delivery.ts'
import type { SqliteOwners } from './sqlite-owners.ts'
import { encodeMessage, type Row } from './sqlite-rows.ts'
import type { SqliteStore } from './sqlite-store.ts'

const lookEveryMs = 1000

/** A message that stays in the file, and where it waits from now on. */
interface Return {
  readonly delivery: SqliteDelivery
  readonly queue: string
  readonly deliveries: number
  readonly dueMs: number | undefined
  /** Set if it changes on the way: among the dead letters it carries the reason. */
  readonly envelope: string | undefined
}

/** What is published with an acknowledgement, and only with it. */
interface Successors {
  readonly delivery: SqliteDelivery
  readonly rows: readonly Row[]
}

interface Settlements {
  readonly acknowledged: SqliteDelivery[]
  readonly returned: Return[]
  readonly successors: Successors[]
}

/** All settlements of one turn of the event loop: they are written together, and share one promise. */
interface Turn extends Settlements {
  promise: Promise<void>
}

/** What is lent to this broker, and the settlements on their way into the file. */
export class SqliteLedger {
  readonly #database: SqliteDatabase
  readonly #store: SqliteStore
  readonly #owners: SqliteOwners
  readonly #loans: Set<Loan> = new Set()
  readonly #running: Set<Turn> = new Set()
  #turn: Turn | undefined
  #lookedAtMs = 0

  constructor(database: SqliteDatabase, store: SqliteStore, owners: SqliteOwners) {
    this.#database = database
    this.#store = store
    this.#owners = owners
  }

  add(loan: Loan): void {
    this.#loans.add(loan)
  }

  acknowledge(delivery: SqliteDelivery, successors: readonly Row[] | undefined): Promise<void> {
    const turn = this.#currentTurn()
    turn.acknowledged.push(delivery)
    if (successors?.length) turn.successors.push({ delivery, rows: successors })
    delivery.startSettling()
    return turn.promise
  }

  putBack(delivery: SqliteDelivery, deliveries: number, dueMs: number | undefined): Promise<void> {
    return this.#return({ delivery, queue: delivery.queue, deliveries, dueMs, envelope: undefined })
  }

  /** `message` replaces one that cannot be read. */
  bury(delivery: SqliteDelivery, reason: string, message: Message = delivery.message): Promise<void> {
    const { queue, deliveryCount: deliveries } = delivery
    const dead = withDeath(message, { reason, queue, at: new Date().toISOString(), deliveries })
    const { envelope } = encodeMessage(dead)
    return this.#return({ delivery, queue: deadLetterQueue(queue), deliveries: 0, dueMs: undefined, envelope })
  }

  /**
   * Asks the file whether the owner is still there, at most once a second: a process that was frozen for longer than a
   * lease, and has just woken, is not told by its thread before it goes on.
   */
  lookAfterPause(ownerId: number): void {
    const nowMs = Date.now()
    if (nowMs - this.#lookedAtMs < lookEveryMs) return
    this.#lookedAtMs = nowMs
    if (!this.#owners.exists(ownerId)) this.loseOwner(ownerId)
  }

  /** An owner's row is gone: so are its loans. */
  loseOwner(ownerId: number): void {
    for (const loan of this.#loans) {
      if (loan.ownerId !== ownerId) continue
      this.#loans.delete(loan)
      for (const delivery of loan.lent) delivery.lose()
    }
  }

  /** Gives back what is lent in these loans, unused, after what is being settled. */
  async giveBack(isMine: (loan: Loan) => boolean): Promise<void> {
    await this.idle()
    const unused = [...this.#loans].filter(isMine).flatMap((loan) => [...loan.lent].filter(({ isLent }) => isLent))
    if (unused.length === 0) return
    const givenBack = unused.map((delivery) => this.putBack(delivery, delivery.deliveryCount - 1, undefined))
    await Promise.all(givenBack)
    for (const delivery of unused) delivery.tellLost()
  }

  /** Resolves when no settlement is on its way. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#running].map(({ promise }) => promise))
  }

  #return(settlement: Return): Promise<void> {
    const turn = this.#currentTurn()
    turn.returned.push(settlement)
    settlement.delivery.startSettling()
    return turn.promise
  }

  #currentTurn(): Turn {
    if (this.#turn) return this.#turn
    const turn: Turn = { acknowledged: [], returned: [], successors: [], promise: Promise.resolve() }
    this.#turn = turn
    this.#running.add(turn)
    turn.promise = this.#settle(turn).finally(() => this.#running.delete(turn))
    return turn
  }

  async #settle(turn: Turn): Promise<void> {
    try {
      const lostOwners = await this.#database.write(() => this.#write(turn))
      for (const ownerId of lostOwners) this.loseOwner(ownerId)
      for (const delivery of turn.acknowledged) this.#finish(delivery)
      for (const { delivery } of turn.returned) this.#finish(delivery)
    } catch (error) {
      this.#close(turn)
      for (const delivery of turn.acknowledged) delivery.resumeLoan()
      for (const { delivery } of turn.returned) delivery.resumeLoan()
      throw error
    }
  }

  #close(turn: Turn): void {
    if (this.#turn === turn) this.#turn = undefined
  }

  #finish(delivery: SqliteDelivery): void {
    delivery.finish()
    if (delivery.loan.lent.size === 0) this.#loans.delete(delivery.loan)
  }

  /** In a transaction. Returns the owners whose row is gone: nothing of their loans is written. */
  #write(turn: Turn): number[] {
    this.#close(turn)
    const loans = loansOf(turn)
    const owners = new Set([...loans].map(({ ownerId }) => ownerId))
    const lost = [...owners].filter((ownerId) => !this.#owners.exists(ownerId))
    this.#writeSettlements(lost.length === 0 ? turn : withoutOwners(turn, lost))
    for (const loan of loans) if (!lost.includes(loan.ownerId)) this.#writeLoan(loan, turn)
    return lost
  }

  #writeSettlements({ acknowledged, returned, successors }: Settlements): void {
    this.#store.deleteMessages(acknowledged.map(({ id }) => id))
    for (const { delivery, queue, deliveries, dueMs, envelope } of returned) {
      if (envelope !== undefined) this.#store.setEnvelope(delivery.id, envelope)
      this.#store.putBack(queue, delivery.rank, delivery.id, deliveries, dueMs)
    }
    for (const { rows } of successors) this.#store.publish(rows)
    for (const delivery of acknowledged) delivery.markWritten()
    for (const { delivery } of returned) delivery.markWritten()
  }

  /** Acknowledged ids may stay in the row, returned ones must not: someone else may have them lent next. */
  #writeLoan(loan: Loan, { returned }: Turn): void {
    if (!hasUnwritten(loan)) {
      this.#database.prepare('DELETE FROM loan WHERE id = ?').run(loan.id)
    } else if (returned.some(({ delivery }) => delivery.loan === loan)) {
      const left = [...loan.lent].filter(({ isWritten }) => !isWritten)
      const entries = JSON.stringify(left.flatMap(({ id, deliveryCount }) => [id, deliveryCount]))
      this.#database.prepare('UPDATE loan SET entries = ? WHERE id = ?').run(entries, loan.id)
    }
  }
}

function loansOf({ acknowledged, returned }: Turn): Set<Loan> {
  const loans = new Set<Loan>()
  for (const { loan } of acknowledged) loans.add(loan)
  for (const { delivery } of returned) loans.add(delivery.loan)
  return loans
}

function withoutOwners({ acknowledged, returned, successors }: Settlements, lost: readonly number[]): Settlements {
  const isKept = ({ loan }: SqliteDelivery): boolean => !lost.includes(loan.ownerId)
  return {
    acknowledged: acknowledged.filter(isKept),
    returned: returned.filter(({ delivery }) => isKept(delivery)),
    successors: successors.filter(({ delivery }) => isKept(delivery)),
  }
}

function hasUnwritten({ lent }: Loan): boolean {
  for (const delivery of lent) if (!delivery.isWritten) return true
  return false
}
