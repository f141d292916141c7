import { HookList, type ScopeGroup } from './hook-list.ts'
import type { BeginOptions, Broadcaster, Connection, SqlTransaction } from './mikro-orm-types.ts'
import type { InstalledTransactions, TransactionHooks } from './orm-adapter.ts'

/**
 * Follows the transactions of one MikroORM, however they begin: `em.transactional`, `em.begin`, the implicit ones of
 * `em.flush` and those of the connection all pass through four methods of the connection for writing. What the database
 * did is heard where MikroORM reports it, before subscribers of the user, who may throw after a COMMIT.
 */
export class MikroTransactions {
  readonly #hooks = new HookList()
  readonly #groups = new WeakMap<object, ScopeGroup>()
  /** The savepoint that is open in a transaction: what is done on the outer entity manager belongs to it too. */
  readonly #inner = new WeakMap<ScopeGroup, ScopeGroup>()
  readonly #around = new WeakMap<ScopeGroup, ScopeGroup>()
  /** Those that `transactional` ends: what waits for them runs after the connection was given back. */
  readonly #managed = new WeakSet<ScopeGroup>()

  constructor(connection: Connection) {
    const begin = connection.begin.bind(connection)
    const commit = connection.commit.bind(connection)
    const rollback = connection.rollback.bind(connection)
    const transactional = connection.transactional.bind(connection)
    const followed: Connection = {
      begin: (options = {}) => begin(this.#heardBegin(options)),
      commit: (transaction, broadcaster, log) =>
        this.#commit(transaction, broadcaster, (heard) => commit(transaction, heard, log)),
      rollback: async (transaction, broadcaster, log) => {
        try {
          await rollback(transaction, broadcaster, log)
        } finally {
          this.#end(this.#groups.get(transaction), 'rolledBack')
        }
      },
      transactional: (body, options = {}) =>
        this.#transactional(body, options, (scoped) => transactional(scoped, options)),
    }
    Object.assign(connection, followed)
  }

  install(hooks: TransactionHooks): InstalledTransactions {
    return this.#hooks.install(hooks, (tx) => {
      const transaction = transactionOf(tx)
      let group = transaction && this.#groups.get(transaction)
      for (let inner = group; inner; inner = this.#inner.get(inner)) group = inner
      return group
    })
  }

  #heardBegin(options: BeginOptions): BeginOptions {
    const { ctx, eventBroadcaster } = options
    const around = ctx && this.#groups.get(ctx)
    if (ctx && !around) return options
    return {
      ...options,
      eventBroadcaster: hearing(eventBroadcaster, 'afterTransactionStart', (transaction) => {
        const group = this.#hooks.begin(eventBroadcaster?.em ?? transaction, around)
        this.#groups.set(transaction, group)
        if (!around) return
        this.#inner.set(around, group)
        this.#around.set(group, around)
      }),
    }
  }

  /** Ending what has ended changes nothing. */
  #end(group: ScopeGroup | undefined, outcome: 'committed' | 'rolledBack'): void {
    if (!group) return
    group[outcome]()
    const around = this.#around.get(group)
    if (around && this.#inner.get(around) === group) this.#inner.delete(around)
  }

  async #commit(
    transaction: SqlTransaction,
    broadcaster: Broadcaster | undefined,
    commit: (heard: Broadcaster | undefined) => Promise<void>,
  ): Promise<void> {
    const group = this.#groups.get(transaction)
    if (!group) return commit(broadcaster)
    try {
      await commit(hearing(broadcaster, 'afterTransactionCommit', () => this.#end(group, 'committed')))
      // the savepoints of MySQL are not reported; and the COMMIT of what is rolled back passes without an error
      if (!transaction.isRolledBack) this.#end(group, 'committed')
    } finally {
      if (transaction.isRolledBack) this.#end(group, 'rolledBack')
      if (transaction.isCommitted && !this.#managed.has(group)) await leave(group, broadcaster)
    }
  }

  async #transactional<R>(
    body: (transaction: SqlTransaction) => Promise<R>,
    { ctx, eventBroadcaster }: BeginOptions,
    transactional: (scoped: (transaction: SqlTransaction) => Promise<R>) => Promise<R>,
  ): Promise<R> {
    let ended: ScopeGroup | undefined
    try {
      return await transactional((transaction) => {
        const group = this.#groups.get(transaction)
        if (!group) return body(transaction)
        ended = group
        this.#managed.add(group)
        return group.run(() => body(transaction))
      })
    } finally {
      // a ROLLBACK that failed, on a dead connection, leaves it open: nothing was committed
      this.#end(ended, 'rolledBack')
      if (ended && !ctx) await leave(ended, eventBroadcaster)
    }
  }
}

/** What waited for the commit must not run on the entity manager of the transaction as if it were open. */
async function leave(group: ScopeGroup, broadcaster: Broadcaster | undefined): Promise<void> {
  broadcaster?.em?.resetTransactionContext()
  await group.flush()
}

/** Of the handles that users pass: the entity manager of a transaction, or Kysely's own. */
export function transactionOf(tx: object): SqlTransaction | undefined {
  if ('getTransactionContext' in tx) {
    return (tx as { getTransactionContext(): SqlTransaction | undefined }).getTransactionContext()
  }
  return tx as SqlTransaction
}

function hearing(
  broadcaster: Broadcaster | undefined,
  awaited: string,
  hear: (transaction: SqlTransaction) => void,
): Broadcaster {
  return {
    ...(broadcaster?.em && { em: broadcaster.em }),
    async dispatchEvent(event, transaction) {
      if (event === awaited && transaction) hear(transaction)
      await broadcaster?.dispatchEvent(event, transaction)
    },
  }
}
