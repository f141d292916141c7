import { AsyncLocalStorage } from 'node:async_hooks'
import { ImproperlyConfigured, InvalidArguments, TaskRevoked } from '../errors.ts'
import type { InstalledTransactions, OrmAdapter, TransactionScope } from '../orms/orm-adapter.ts'
import { describeValue } from '../protocol/describe-value.ts'

type Callback = () => unknown

/** An open transaction or savepoint. */
export interface Scope {
  /** The ORM's own handle, such as TypeORM's `EntityManager`. */
  readonly tx: object
  readonly adapter: OrmAdapter
  /** What became of it, the transactions around it included: a savepoint is committed when the outermost one is. */
  readonly state: 'open' | 'committed' | 'rolledBack'
  /**
   * As `Transactions.afterCommit`, for code that went on after the call: `'dropped'` if this transaction, or a savepoint
   * around the call, was rolled back meanwhile.
   */
  afterCommit(callback: Callback): 'queued' | 'now' | 'dropped'
}

/**
 * What waits for the commits of the ORMs in use.
 *
 * - `install(adapter): () => void` makes the transactions of an ORM known; `app.models.use(adapter)` calls it.
 * - `current(): Scope | undefined` is the innermost open transaction that this code runs in. Whoever awaits something
 *   before `afterCommit` takes the scope first, and asks its `state` then: it may be over.
 * - `afterCommit(callback, tx?): 'queued' | 'now'` runs `callback` after the outermost COMMIT, and never if the
 *   transaction, or a savepoint around the call, is rolled back. Without an open transaction it runs at once.
 * - `within(tx, body)` makes a transaction that was begun by hand the current one for `body`.
 * - `outside(body)` runs `body` as if no transaction were open.
 *
 * Callbacks start in the order of the calls, outside any scope. What they throw or reject with goes to `onError`: the
 * data is committed, so the user's `transaction()` must not fail. `transaction()` resolves when they have settled.
 */
export class Transactions {
  readonly #ambient = new AsyncLocalStorage<OpenScope | undefined>()
  readonly #installed = new Set<InstalledTransactions>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Returns what makes the ORM's transactions unknown again. */
  install(adapter: OrmAdapter): () => void {
    if (!adapter.transactions) return () => undefined
    const installed = adapter.transactions.install({
      begin: (tx, parent) => new OpenScope({ tx, adapter, parent, flush: (callbacks) => this.#flush(callbacks) }),
      run: (scope, body) => this.#ambient.run(scope as OpenScope, body),
    })
    this.#installed.add(installed)
    return () => {
      this.#installed.delete(installed)
      installed.uninstall()
    }
  }

  current(): Scope | undefined {
    return this.#innermost()
  }

  /**
   * @internal Throws if a call made in `scope` will never be sent (TaskRevoked), or not as long as the code that asks waits
   * for its result (ImproperlyConfigured).
   */
  checkWaitable(scope: Scope, taskId: string): void {
    if (scope.state === 'rolledBack')
      throw new TaskRevoked(`task ${taskId} was never sent: the transaction around its call was rolled back`)
    if (scope.state === 'open' && this.#innermost()?.outermost === (scope as OpenScope).outermost) {
      const advice = "wait for it after that, or say dispatch: 'now'"
      throw new ImproperlyConfigured(
        `task ${taskId} is sent after the commit of the transaction that waits for it here: ${advice}`,
      )
    }
  }

  /** Throws `InvalidArguments` if `tx` is no open transaction of an installed ORM. */
  afterCommit(callback: Callback, tx?: object): 'queued' | 'now' {
    const scope = tx === undefined ? this.#innermost() : this.#find(tx)
    if (scope) {
      scope.callbacks.push(callback)
      return 'queued'
    }
    void this.#flush([callback])
    return 'now'
  }

  /** Throws `InvalidArguments` if `tx` is no open transaction of an installed ORM. */
  within<R>(tx: object, body: () => R): R {
    return this.#ambient.run(this.#find(tx), body)
  }

  outside<R>(body: () => R): R {
    return this.#ambient.run(undefined, body)
  }

  /** Code that outlives its savepoint belongs to the transaction around it, and after that to none. */
  #innermost(): OpenScope | undefined {
    let scope = this.#ambient.getStore()
    while (scope && !scope.isOpen) scope = scope.parent
    return scope
  }

  #find(tx: object): OpenScope {
    if (!isHandle(tx))
      throw new InvalidArguments(`the transaction must be the handle that the ORM gave; got ${describeValue(tx)}`)
    for (const installed of this.#installed) {
      const scope = installed.find(tx) as OpenScope | undefined
      if (scope?.isOpen) return scope
    }
    throw new InvalidArguments(
      'the given transaction is not open, or was not begun through an ORM given to app.models.use() before it began',
    )
  }

  async #flush(callbacks: readonly Callback[]): Promise<void> {
    const outcomes = this.outside(() => callbacks.map(async (callback) => await callback()))
    for (const outcome of await Promise.allSettled(outcomes)) {
      if (outcome.status === 'rejected') this.#onError(outcome.reason)
    }
  }
}

function isHandle(tx: unknown): boolean {
  return (typeof tx === 'object' && tx !== null) || typeof tx === 'function'
}

interface OpenScopeOptions {
  readonly tx: object
  readonly adapter: OrmAdapter
  readonly parent: TransactionScope | undefined
  readonly flush: (callbacks: readonly Callback[]) => Promise<void>
}

/** open -> committed: the callbacks move to the parent, or run at `flush`. open -> rolled back: they are dropped. */
class OpenScope implements Scope, TransactionScope {
  readonly tx: object
  readonly adapter: OrmAdapter
  readonly parent: OpenScope | undefined
  readonly callbacks: Callback[] = []
  readonly #flush: (callbacks: readonly Callback[]) => Promise<void>
  #own: Scope['state'] = 'open'

  constructor(options: OpenScopeOptions) {
    this.tx = options.tx
    this.adapter = options.adapter
    this.parent = options.parent as OpenScope | undefined
    this.#flush = options.flush
  }

  get outermost(): OpenScope {
    return this.parent?.outermost ?? this
  }

  get isOpen(): boolean {
    return this.#own === 'open' && this.state === 'open'
  }

  get state(): Scope['state'] {
    if (this.#own === 'rolledBack' || !this.parent) return this.#own
    return this.parent.state
  }

  afterCommit(callback: Callback): 'queued' | 'now' | 'dropped' {
    const { state } = this
    if (state === 'rolledBack') return 'dropped'
    if (state === 'open' && this.parent && this.#own === 'committed') return this.parent.afterCommit(callback)
    if (state === 'open') {
      this.callbacks.push(callback)
      return 'queued'
    }
    void this.#flush([callback])
    return 'now'
  }

  committed(): void {
    if (this.#own !== 'open') return
    this.#own = 'committed'
    if (this.parent) for (const callback of this.callbacks.splice(0)) this.parent.callbacks.push(callback)
  }

  rolledBack(): void {
    if (this.#own !== 'open') return
    this.#own = 'rolledBack'
    this.callbacks.length = 0
  }

  async flush(): Promise<void> {
    if (this.#own === 'committed') await this.#flush(this.callbacks.splice(0))
  }
}
