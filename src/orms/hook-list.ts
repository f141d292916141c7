import type { InstalledTransactions, TransactionHooks, TransactionScope } from './orm-adapter.ts'

/** Everyone who wants to know of the transactions of one ORM: what is reported once reaches all of them. */
export class HookList {
  readonly #all = new Set<TransactionHooks>()

  /** `groupOf` gives the innermost open group of a handle that a user may pass. */
  install(hooks: TransactionHooks, groupOf: (tx: object) => ScopeGroup | undefined): InstalledTransactions {
    // the same hooks may be installed twice
    const own: TransactionHooks = { begin: (tx, parent) => hooks.begin(tx, parent), run: hooks.run.bind(hooks) }
    this.#all.add(own)
    return {
      find: (tx) => groupOf(tx)?.of(own),
      uninstall: () => void this.#all.delete(own),
    }
  }

  /** A savepoint is reported only to those who know the transaction around it: to others it would look outermost. */
  begin(tx: object, parent?: ScopeGroup): ScopeGroup {
    const scopes = new Map<TransactionHooks, TransactionScope>()
    for (const hooks of this.#all) {
      const around = parent?.of(hooks)
      if (!parent || around) scopes.set(hooks, hooks.begin(tx, around))
    }
    return new ScopeGroup(scopes)
  }
}

/** One transaction or savepoint as all listeners know it. */
export class ScopeGroup {
  readonly #scopes: ReadonlyMap<TransactionHooks, TransactionScope>

  constructor(scopes: ReadonlyMap<TransactionHooks, TransactionScope>) {
    this.#scopes = scopes
  }

  of(hooks: TransactionHooks): TransactionScope | undefined {
    return this.#scopes.get(hooks)
  }

  run<R>(body: () => R): R {
    let outermost = body
    for (const [hooks, scope] of this.#scopes) {
      const inner = outermost
      outermost = () => hooks.run(scope, inner)
    }
    return outermost()
  }

  committed(): void {
    for (const scope of this.#scopes.values()) scope.committed()
  }

  rolledBack(): void {
    for (const scope of this.#scopes.values()) scope.rolledBack()
  }

  async flush(): Promise<void> {
    await Promise.all(Array.from(this.#scopes.values(), (scope) => scope.flush()))
  }
}
