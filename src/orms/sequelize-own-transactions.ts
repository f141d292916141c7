import { AsyncLocalStorage } from 'node:async_hooks'
import type { OpenSequelize, SequelizeTransaction } from './sequelize-types.ts'

/**
 * Transactions that celeriac begins, around tasks that lock rows. What the task does belongs to them without saying so:
 * its own update of the row would wait for the lock for ever. `transaction: null` is outside, as with Sequelize's CLS.
 */
export class OwnTransactions {
  readonly #current = new AsyncLocalStorage<SequelizeTransaction>()
  readonly #instance: OpenSequelize

  constructor(instance: OpenSequelize) {
    this.#instance = instance
    const query = instance.query.bind(instance)
    instance.query = (sql, options) => {
      const transaction = this.#current.getStore()
      const isFree = transaction && !transaction.finished && options?.transaction === undefined
      return query(sql, isFree ? { ...options, transaction } : options)
    }
  }

  run<R>(body: (tx: object) => Promise<R>): Promise<R> {
    return this.#instance.transaction((transaction: SequelizeTransaction) =>
      this.#current.run(transaction, () => body(transaction)),
    ) as Promise<R>
  }
}
