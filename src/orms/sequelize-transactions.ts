import { CallbackTransactions, type FollowedTransaction } from './callback-transactions.ts'
import type { InstalledTransactions, TransactionHooks } from './orm-adapter.ts'
import type { OpenSequelize, SequelizeTransaction } from './sequelize-types.ts'

type Body = (transaction: SequelizeTransaction) => unknown

/**
 * Follows the transactions of one Sequelize, managed and unmanaged, where their statements are made. Its own
 * `afterCommit` cannot tell: it runs when the COMMIT failed, and for a savepoint before the transaction around it ends.
 */
export class SequelizeTransactions {
  readonly #known = new CallbackTransactions()
  readonly #followed = new WeakMap<object, FollowedTransaction>()

  constructor(sequelize: OpenSequelize) {
    this.#followStatements(sequelize)
    const transact = sequelize.transaction.bind(sequelize)
    sequelize.transaction = async (...args) => {
      const bodyAt = args.findIndex((arg) => typeof arg === 'function')
      if (bodyAt !== -1) return this.#managed(args[bodyAt] as Body, (body) => transact(...args.with(bodyAt, body)))
      const transaction = (await transact(...args)) as SequelizeTransaction
      this.#flushAfterCommit(transaction)
      return transaction
    }
  }

  install(hooks: TransactionHooks): InstalledTransactions {
    return this.#known.install(hooks)
  }

  #followStatements(sequelize: OpenSequelize): void {
    const queries = sequelize.getQueryInterface()
    const start = queries.startTransaction.bind(queries)
    const commit = queries.commitTransaction.bind(queries)
    const rollback = queries.rollbackTransaction.bind(queries)
    queries.startTransaction = async (transaction, options) => {
      const result = await start(transaction, options)
      const { parent } = transaction
      if (!parent || this.#followed.has(parent)) {
        this.#followed.set(transaction, this.#known.begin(transaction, parent ?? undefined))
      }
      return result
    }
    queries.commitTransaction = async (transaction, options) => {
      const followed = this.#followed.get(transaction)
      try {
        const result = await commit(transaction, options)
        followed?.committed()
        return result
      } catch (error) {
        // Sequelize ends the connection of a COMMIT that failed
        followed?.rolledBack()
        throw error
      }
    }
    queries.rollbackTransaction = async (transaction, options) => {
      try {
        return await rollback(transaction, options)
      } finally {
        this.#followed.get(transaction)?.rolledBack()
      }
    }
  }

  async #managed(body: Body, transact: (scoped: Body) => Promise<unknown>): Promise<unknown> {
    let followed: FollowedTransaction | undefined
    try {
      return await transact((transaction) => {
        followed = this.#followed.get(transaction)
        return followed ? followed.run(() => body(transaction)) : body(transaction)
      })
    } finally {
      // a ROLLBACK on a dead connection is not even sent
      followed?.rolledBack()
      await followed?.flush()
    }
  }

  /** What waited for the commit runs after the connection was given back. */
  #flushAfterCommit(transaction: SequelizeTransaction): void {
    const followed = this.#followed.get(transaction)
    if (!followed) return
    const commit = transaction.commit.bind(transaction)
    transaction.commit = async () => {
      try {
        await commit()
      } finally {
        await followed.flush()
      }
    }
  }
}
