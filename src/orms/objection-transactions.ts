import { CallbackTransactions } from './callback-transactions.ts'
import type { Container, KnexClient, KnexTransaction, OuterTransaction, RunningTransaction } from './objection-types.ts'
import type { InstalledTransactions, TransactionHooks } from './orm-adapter.ts'

/**
 * Follows the transactions of one Knex, however they begin: all of them, nested ones and Objection's too, pass
 * `client.transaction`. That Knex's promise resolves does not say that a transaction was committed: it also does so after
 * a rollback that was asked for, and where PostgreSQL answered a COMMIT with a ROLLBACK.
 */
export class KnexTransactions {
  readonly #open = new CallbackTransactions()

  constructor(client: KnexClient) {
    this.#follow(client)
  }

  install(hooks: TransactionHooks): InstalledTransactions {
    return this.#open.install(hooks)
  }

  #follow(client: KnexClient): void {
    const { transaction: original } = client
    const open = this.#open
    const follow = (inner: KnexClient): void => this.#follow(inner)
    // Knex copies clients, methods included
    client.transaction = function (container, config, outer) {
      const watched = new WatchedTransaction(open, outer)
      const begun: Container = (trx) => {
        follow(trx.client)
        return watched.begun(trx, container)
      }
      return watched.running(original.call(this, begun, config, outer))
    }
  }
}

/** One transaction, from before its BEGIN until its connection was given back. */
class WatchedTransaction {
  readonly #open: CallbackTransactions
  readonly #outer: OuterTransaction
  readonly #ended = Promise.withResolvers<void>()
  #followed: ReturnType<CallbackTransactions['begin']> | undefined
  /** What was asked for first; Knex refuses the rest. */
  #asked: 'commit' | 'rollback' | undefined
  #committing: Promise<unknown> | undefined

  constructor(open: CallbackTransactions, outer: OuterTransaction) {
    this.#open = open
    this.#outer = outer
  }

  begun(trx: KnexTransaction, container: Container): unknown {
    const followed = this.#open.begin(trx, this.#outer?.transactor)
    this.#followed = followed
    const commit = trx.commit.bind(trx)
    trx.commit = async (value) => {
      this.#asked ??= 'commit'
      const committing = this.#committed(trx, commit(value))
      this.#committing = committing
      const answer = await committing
      await this.#ended.promise
      return answer
    }
    const rollback = trx.rollback.bind(trx)
    trx.rollback = async (error) => {
      this.#asked ??= 'rollback'
      try {
        return await rollback(error)
      } finally {
        followed.rolledBack()
      }
    }
    return followed.run(() => container(trx))
  }

  /** Makes the transaction's promise wait for what waited for the commit, whatever becomes of both. */
  running(transaction: RunningTransaction): RunningTransaction {
    const outcome = transaction._promise
    const end = async (): Promise<void> => {
      await Promise.allSettled([this.#committing])
      this.#followed?.rolledBack()
      await this.#followed?.flush()
      this.#ended.resolve()
    }
    transaction._promise = outcome.then(end, end).then(() => outcome)
    return transaction
  }

  async #committed(trx: KnexTransaction, commit: Promise<unknown>): Promise<unknown> {
    const answer = await commit
    const isOver = await trx.executionPromise.then(
      () => true,
      () => false,
    )
    if (isOver && this.#asked === 'commit' && !saysRolledBack(answer)) this.#followed?.committed()
    else this.#followed?.rolledBack()
    return answer
  }
}

/** pg gives the tag with which PostgreSQL answered; other drivers have none. */
function saysRolledBack(answer: unknown): boolean {
  const { response } = (answer ?? {}) as { readonly response?: { readonly command?: unknown } }
  return response?.command === 'ROLLBACK'
}
