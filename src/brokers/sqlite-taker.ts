import type { SqliteDatabase } from '../drivers/sqlite-database.ts'
import type { Message } from '../protocol/message.ts'
import { type Loan, SqliteDelivery } from './sqlite-delivery.ts'
import type { SqliteLedger } from './sqlite-ledger.ts'
import type { SqliteOwners } from './sqlite-owners.ts'
import { decodeMessage, unreadableMessage } from './sqlite-rows.ts'
import type { SqliteStore, TakenRow } from './sqlite-store.ts'

interface TakenLoan {
  readonly loanId: number
  readonly queue: string
  readonly rows: readonly TakenRow[]
}

/** What a committed take has lent. */
export interface Taken {
  readonly ownerId: number
  readonly count: number
  readonly loans: readonly TakenLoan[]
}

/** Lends messages to subscriptions: first in the file, then in this process. */
export class SqliteTaker {
  readonly #database: SqliteDatabase
  readonly #store: SqliteStore
  readonly #owners: SqliteOwners
  readonly #ledger: SqliteLedger
  readonly #onOwner: (ownerId: number) => void

  constructor(
    database: SqliteDatabase,
    store: SqliteStore,
    owners: SqliteOwners,
    ledger: SqliteLedger,
    onOwner: (ownerId: number) => void,
  ) {
    this.#database = database
    this.#store = store
    this.#owners = owners
    this.#ledger = ledger
    this.#onOwner = onOwner
  }

  /** When there is something to take: 0 for now, undefined if nothing waits at all. Only reads. */
  nextDue(queues: readonly string[]): number | undefined {
    let next: number | undefined
    for (const queue of queues) {
      if (this.#store.hasReady(queue)) return 0
      const due = this.#store.nextDue(queue)
      if (due !== undefined && (next === undefined || due < next)) next = due
    }
    return next
  }

  /** In a transaction: moves the first messages of the queues into loans. */
  take(queues: readonly string[], limit: number): Taken | undefined {
    if (limit <= 0) return undefined
    const nowMs = Date.now()
    const found: { readonly queue: string; rows: readonly TakenRow[] }[] = []
    for (const queue of queues) {
      this.#store.promote(queue, nowMs)
      const rows = this.#store.first(queue, limit)
      if (rows.length > 0) found.push({ queue, rows })
    }
    if (found.length === 0) return undefined
    if (found.length > 1) keepFirst(found, limit)
    const ownerId = this.#owners.ensure()
    const loans = found
      .filter(({ rows }) => rows.length > 0)
      .map(({ queue, rows }) => this.#lendInFile(ownerId, queue, rows))
    return { ownerId, loans, count: loans.reduce((sum, { rows }) => sum + rows.length, 0) }
  }

  /** After the commit: the deliveries in the order of the queues taken together. Unreadable rows are buried instead. */
  lend({ ownerId, loans }: Taken, release: (count: number) => void): SqliteDelivery[] {
    this.#onOwner(ownerId)
    const deliveries: SqliteDelivery[] = []
    for (const { loanId, queue, rows } of loans) {
      const loan: Loan = { id: loanId, ownerId, queue, lent: new Set(), release }
      this.#ledger.add(loan)
      for (const row of rows) this.#lendRow(loan, row, deliveries)
    }
    if (loans.length > 1) deliveries.sort((a, b) => a.rank - b.rank || a.id - b.id)
    return deliveries
  }

  #lendInFile(ownerId: number, queue: string, rows: readonly TakenRow[]): TakenLoan {
    const last = rows.at(-1)
    if (last) this.#store.remove(queue, last[0], last[1])
    const entries: number[] = []
    for (const [, id, deliveries] of rows) entries.push(id, deliveries + 1)
    const { lastInsertRowid } = this.#database
      .prepare('INSERT INTO loan (owner, queue, entries) VALUES (?, ?, ?)')
      .run(ownerId, queue, JSON.stringify(entries))
    return { loanId: Number(lastInsertRowid), queue, rows }
  }

  #lendRow(loan: Loan, [rank, id, deliveries, envelope, body]: TakenRow, into: SqliteDelivery[]): void {
    let message: Message
    let problem: string | undefined
    try {
      message = decodeMessage(envelope, body)
    } catch (error) {
      message = unreadableMessage(envelope, body)
      problem = error instanceof Error ? error.message : String(error)
    }
    const delivery = new SqliteDelivery(this.#ledger, loan, message, id, rank, deliveries + 1)
    loan.lent.add(delivery)
    if (problem === undefined) into.push(delivery)
    else this.#bury(delivery, problem)
  }

  /** If even that cannot be written, the message stays lent and comes back with the next owner. */
  #bury(delivery: SqliteDelivery, problem: string): void {
    delivery.reject({ requeue: false, reason: `Unreadable row: ${problem}` }).catch((error: unknown) => {
      process.emitWarning(`An unreadable message stays lent: ${String(error)}`, { code: 'CELERIAC_BROKER' })
    })
  }
}

/** Leaves of each queue's first messages those that are among the first of all. */
function keepFirst(found: { rows: readonly TakenRow[] }[], limit: number): void {
  const all = found.flatMap(({ rows }) => rows).sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const last = all[limit - 1]
  if (!last) return
  for (const queue of found) {
    queue.rows = queue.rows.filter((row) => row[0] < last[0] || (row[0] === last[0] && row[1] <= last[1]))
  }
}
