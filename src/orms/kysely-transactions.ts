import { HookList, type ScopeGroup } from './hook-list.ts'
import type { InstalledTransactions, TransactionHooks } from './orm-adapter.ts'

type Method = (...args: readonly unknown[]) => unknown
/** A `Kysely`, a transaction, a builder or a command: what is followed is wrapped on the very object. */
type Wrapped = Record<string, Method | undefined>

/** What gives another handle of the same database or transaction. */
const derivations = [
  'withPlugin',
  'withoutPlugins',
  'withSchema',
  'withTables',
  '$extendTables',
  '$omitTables',
  '$pickTables',
]

/**
 * Follows the transactions of one `Kysely` and of all that is derived from it: `transaction().execute(body)`, which runs
 * its body with the transaction current, and those begun by hand with `startTransaction()`, with their savepoints. All
 * handles of a transaction share the list of its open savepoints.
 */
export class KyselyTransactions {
  readonly #hooks = new HookList()
  readonly #open = new WeakMap<object, Savepoints>()

  constructor(db: object) {
    this.#followDatabase(db as Wrapped)
  }

  install(hooks: TransactionHooks): InstalledTransactions {
    return this.#hooks.install(hooks, (tx) => this.#open.get(tx)?.innermost)
  }

  #followDatabase(db: Wrapped): void {
    for (const name of derivations) wrap(db, name, (derived) => this.#followDatabase(derived))
    wrap(db, 'transaction', (builder) => this.#followBuilder(builder, (execute) => this.#managed(execute)))
    wrap(db, 'startTransaction', (builder) => this.#followBuilder(builder, (execute) => this.#byHand(execute)))
    wrap(db, 'connection', (builder) => {
      replace(builder, 'execute', (execute) => (body, ...rest) => {
        const followed = (inner: Wrapped): unknown => {
          this.#followDatabase(inner)
          return (body as Method)(inner)
        }
        return execute(followed, ...rest)
      })
    })
  }

  #followBuilder(builder: Wrapped, follow: (execute: Method) => Method): void {
    for (const name of ['setAccessMode', 'setIsolationLevel']) {
      wrap(builder, name, (derived) => this.#followBuilder(derived, follow))
    }
    replace(builder, 'execute', follow)
  }

  #managed(execute: Method): Method {
    return async (body) => {
      let savepoints: Savepoints | undefined
      const followed = (tx: Wrapped): unknown => {
        savepoints = new Savepoints(this.#hooks, tx)
        this.#followHandle(tx, savepoints)
        return savepoints.innermost.run(() => (body as Method)(tx))
      }
      try {
        const result = await execute(followed)
        savepoints?.committed()
        return result
      } finally {
        // no-op after the commit; the connection was given back
        savepoints?.rolledBack()
        await savepoints?.flush()
      }
    }
  }

  #byHand(execute: Method): Method {
    return async () => {
      const tx = (await execute()) as Wrapped
      this.#followHandle(tx, new Savepoints(this.#hooks, tx))
      return tx
    }
  }

  #followHandle(tx: Wrapped, savepoints: Savepoints): void {
    this.#open.set(tx, savepoints)
    for (const name of derivations) wrap(tx, name, (derived) => this.#followHandle(derived, savepoints))
    onExecute(tx, 'commit', async (execute) => {
      try {
        await execute()
      } finally {
        // PostgreSQL answers the COMMIT of a failed transaction with a ROLLBACK
        if ((tx as { readonly isRolledBack?: unknown }).isRolledBack === true) savepoints.rolledBack()
      }
      savepoints.committed()
      await savepoints.flush()
    })
    onExecute(tx, 'rollback', async (execute) => {
      try {
        await execute()
      } finally {
        savepoints.rolledBack()
      }
    })
    this.#onSavepoint(tx, 'savepoint', savepoints, (inner, name) => savepoints.begin(inner, name))
    this.#onSavepoint(tx, 'releaseSavepoint', savepoints, (_, name) => savepoints.release(name))
    this.#onSavepoint(tx, 'rollbackToSavepoint', savepoints, (inner, name) => savepoints.rollBackTo(inner, name))
  }

  #onSavepoint(tx: Wrapped, method: string, savepoints: Savepoints, then: (tx: object, name: string) => void): void {
    onExecute(tx, method, async (execute, name) => {
      const handle = (await execute()) as Wrapped
      this.#followHandle(handle, savepoints)
      then(handle, String(name))
      return handle
    })
  }
}

/** The open savepoints of one transaction, which is the outermost of them. */
class Savepoints {
  readonly #hooks: HookList
  readonly #outermost: ScopeGroup
  readonly #inner: { readonly name: string; readonly group: ScopeGroup }[] = []

  constructor(hooks: HookList, tx: object) {
    this.#hooks = hooks
    this.#outermost = hooks.begin(tx)
  }

  get innermost(): ScopeGroup {
    return this.#inner.at(-1)?.group ?? this.#outermost
  }

  begin(tx: object, name: string): void {
    this.#inner.push({ name, group: this.#hooks.begin(tx, this.innermost) })
  }

  release(name: string): void {
    for (const group of this.#take(name)) group.committed()
  }

  /** The savepoint itself stays. */
  rollBackTo(tx: object, name: string): void {
    for (const group of this.#take(name)) group.rolledBack()
    this.begin(tx, name)
  }

  committed(): void {
    for (const group of this.#takeFrom(0)) group.committed()
    this.#outermost.committed()
  }

  rolledBack(): void {
    for (const group of this.#takeFrom(0)) group.rolledBack()
    this.#outermost.rolledBack()
  }

  flush(): Promise<void> {
    return this.#outermost.flush()
  }

  /** A name that was used again hides the earlier savepoint. */
  #take(name: string): readonly ScopeGroup[] {
    const index = this.#inner.findLastIndex((savepoint) => savepoint.name === name)
    return index === -1 ? [] : this.#takeFrom(index)
  }

  /** Innermost first: each commits into the one around it. */
  #takeFrom(index: number): readonly ScopeGroup[] {
    return this.#inner
      .splice(index)
      .map(({ group }) => group)
      .toReversed()
  }
}

function replace(target: Wrapped, name: string, make: (original: Method) => Method): void {
  const original = target[name]?.bind(target)
  if (original) target[name] = make(original)
}

/** Calls `then` with whatever the method gives. */
function wrap(target: Wrapped, name: string, then: (result: Wrapped) => void): void {
  replace(target, name, (original) => (...args) => {
    const result = original(...args)
    then(result as Wrapped)
    return result
  })
}

/** Replaces the `execute` of the commands that a method gives. */
function onExecute(target: Wrapped, name: string, run: (execute: Method, arg: unknown) => Promise<unknown>): void {
  replace(target, name, (original) => (arg) => {
    const command = original(arg) as Wrapped
    replace(command, 'execute', (execute) => () => run(execute, arg))
    return command
  })
}
