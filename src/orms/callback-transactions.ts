import { HookList, type ScopeGroup } from './hook-list.ts'
import type { InstalledTransactions, TransactionHooks } from './orm-adapter.ts'

/** An open transaction that an ORM runs as a callback. */
export interface FollowedTransaction {
  /** Runs the user's callback with the transaction current. */
  run<R>(body: () => R): R
  committed(): void
  rolledBack(): void
  /** Runs what waited for the commit, if this was the outermost transaction. */
  flush(): Promise<void>
}

/** Follows the transactions of ORMs that run each, and each savepoint in one, as a callback with a handle of its own. */
export class CallbackTransactions {
  readonly #hooks = new HookList()
  readonly #groups = new WeakMap<object, ScopeGroup>()
  /** The savepoint that is open in a transaction: statements on the outer handle belong to it too. */
  readonly #inner = new WeakMap<ScopeGroup, ScopeGroup>()

  install(hooks: TransactionHooks): InstalledTransactions {
    return this.#hooks.install(hooks, (tx) => this.#innermost(tx))
  }

  /** `aliases` are other objects that stand for `tx`; `around` is the handle of the transaction of a savepoint. */
  begin(tx: object, around?: object, aliases: readonly object[] = []): FollowedTransaction {
    const parent = around && this.#groups.get(around)
    const group = this.#hooks.begin(tx, parent)
    for (const handle of [tx, ...aliases]) this.#groups.set(handle, group)
    if (parent) this.#inner.set(parent, group)
    const ended = (end: () => void) => (): void => {
      end()
      if (parent && this.#inner.get(parent) === group) this.#inner.delete(parent)
    }
    return {
      run: (body) => group.run(body),
      committed: ended(() => group.committed()),
      rolledBack: ended(() => group.rolledBack()),
      flush: () => group.flush(),
    }
  }

  /** Follows one transaction: `transact` has the ORM run it with the body given. Resolves after what waited for it. */
  async follow<R>(transact: (begun: (transaction: FollowedTransaction) => void) => Promise<R>): Promise<R> {
    let followed: FollowedTransaction | undefined
    try {
      const result = await transact((transaction) => (followed = transaction))
      followed?.committed()
      return result
    } catch (error) {
      followed?.rolledBack()
      throw error
    } finally {
      await followed?.flush()
    }
  }

  #innermost(tx: object): ScopeGroup | undefined {
    let group = this.#groups.get(tx)
    for (let inner = group; inner; inner = this.#inner.get(inner)) group = inner
    return group
  }
}
