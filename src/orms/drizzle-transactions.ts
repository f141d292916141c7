import { ImproperlyConfigured } from '../errors.ts'
import type { CallbackTransactions, FollowedTransaction } from './callback-transactions.ts'
import type { DrizzleHandle } from './drizzle-types.ts'

type Body = (tx: DrizzleHandle) => unknown

/**
 * Follows `transaction` of a database or of a transaction's handle, in place. `opened` is given each new handle. Drivers
 * that answer at once (better-sqlite3, node:sqlite) end the transaction when the callback returns: what an async callback
 * does later would be outside of it, so those are refused.
 */
export function followTransactions(
  handle: DrizzleHandle,
  transactions: CallbackTransactions,
  opened: (tx: DrizzleHandle) => void,
): void {
  const transact = handle.transaction.bind(handle)
  const scoped =
    (body: Body, begun: (transaction: FollowedTransaction) => void): Body =>
    (tx) => {
      opened(tx)
      const transaction = transactions.begin(tx, handle)
      begun(transaction)
      return transaction.run(() => body(tx))
    }
  handle.transaction = (body, ...rest) => {
    if (handle.resultKind === 'sync') return atOnce(body, (begun) => transact(refusing(scoped(body, begun)), ...rest))
    return transactions.follow(async (begun) => await transact(scoped(body, begun), ...rest))
  }
}

function atOnce<R>(body: Body, transact: (begun: (transaction: FollowedTransaction) => void) => R): R {
  if (Object.prototype.toString.call(body) === '[object AsyncFunction]') throw asyncProblem()
  let followed: FollowedTransaction | undefined
  try {
    const result = transact((transaction) => (followed = transaction))
    followed?.committed()
    return result
  } catch (error) {
    followed?.rolledBack()
    throw error
  } finally {
    void followed?.flush()
  }
}

function refusing(body: Body): Body {
  return (tx) => {
    const result = body(tx)
    if (typeof result === 'object' && result !== null && 'then' in result) throw asyncProblem()
    return result
  }
}

export function asyncProblem(): ImproperlyConfigured {
  return new ImproperlyConfigured(
    'this SQLite driver commits when the callback of transaction() returns: an async callback would run outside of the ' +
      'transaction. Use a callback that is not async, or the driver of libsql',
  )
}
