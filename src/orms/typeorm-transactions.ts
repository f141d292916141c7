import type { InstalledTransactions, TransactionHooks, TransactionScope } from './orm-adapter.ts'

type Body = (manager: Manager) => unknown

/** What is needed of TypeORM's QueryRunner. */
interface Runner {
  readonly manager: Manager
  readonly isTransactionActive: boolean
  startTransaction(...args: unknown[]): Promise<void>
  commitTransaction(): Promise<void>
  rollbackTransaction(): Promise<void>
}

/** What is needed of TypeORM's EntityManager. */
interface Manager {
  readonly queryRunner?: Runner | undefined
  transaction(...args: unknown[]): Promise<unknown>
}

/** What is needed of TypeORM's DataSource. */
export interface TransactionSource {
  readonly manager: object
  createQueryRunner(...args: never[]): object
}

/**
 * Follows the transactions of one data source, however they begin: `dataSource.transaction`, `manager.transaction`, the
 * query runner's own methods, and the implicit ones of `save`. A query runner nests by depth, so its open scopes are a
 * stack. The methods are wrapped rather than a subscriber added: another subscriber that throws after a COMMIT would
 * hide that it happened.
 */
export class TypeOrmTransactions implements InstalledTransactions {
  readonly #hooks: TransactionHooks
  readonly #stacks = new WeakMap<object, TransactionScope[]>()
  readonly #followed = new WeakSet<object>()
  /** Scopes that `manager.transaction` ends: what waits for them runs after the connection was given back. */
  readonly #managed = new WeakSet<TransactionScope>()
  readonly #restore: () => void
  #installed = true

  constructor(source: TransactionSource, hooks: TransactionHooks) {
    this.#hooks = hooks
    const createRunner = source.createQueryRunner.bind(source)
    const create = (...args: never[]): object => {
      const runner = createRunner(...args) as Runner
      if (this.#installed) this.#follow(runner)
      return runner
    }
    source.createQueryRunner = create
    this.#followManager(source.manager as Manager)
    this.#restore = () => {
      if (source.createQueryRunner === create) source.createQueryRunner = createRunner
    }
  }

  find(tx: object): TransactionScope | undefined {
    return this.#top((tx as Partial<Manager>).queryRunner ?? tx)
  }

  uninstall(): void {
    this.#installed = false
    this.#restore()
  }

  /** Without scopes that ended otherwise than by the runner's methods. */
  #top(runner: object): TransactionScope | undefined {
    const stack = this.#stacks.get(runner)
    while (stack?.at(-1)?.isOpen === false) stack.pop()
    return stack?.at(-1)
  }

  #follow(runner: Runner): void {
    this.#followManager(runner.manager)
    if (this.#followed.has(runner)) return
    this.#followed.add(runner)
    const stack: TransactionScope[] = []
    this.#stacks.set(runner, stack)
    const start = runner.startTransaction.bind(runner)
    const commit = runner.commitTransaction.bind(runner)
    const rollback = runner.rollbackTransaction.bind(runner)
    runner.startTransaction = async (...args) => {
      const begin = (): void =>
        void (this.#installed && stack.push(this.#hooks.begin(runner.manager, this.#top(runner))))
      await watched(runner, () => start(...args), { deeper: begin })
    }
    runner.commitTransaction = async () => {
      const scope = this.#top(runner)
      try {
        await watched(runner, commit, { shallower: () => scope?.committed() })
      } finally {
        if (scope && !this.#managed.has(scope)) await scope.flush()
      }
    }
    runner.rollbackTransaction = async () => {
      const scope = this.#top(runner)
      await watched(runner, rollback, { shallower: () => scope?.rolledBack() })
    }
  }

  #followManager(manager: Manager): void {
    if (this.#followed.has(manager)) return
    this.#followed.add(manager)
    const transaction = manager.transaction.bind(manager)
    manager.transaction = async (...args) => {
      if (!this.#installed) return transaction(...args)
      const bodyAt = args.findIndex((arg) => typeof arg === 'function')
      const body = args[bodyAt] as Body | undefined
      let scope: TransactionScope | undefined
      const scoped: Body = (inner) => {
        scope = inner.queryRunner && this.#top(inner.queryRunner)
        if (!scope) return body?.(inner)
        this.#managed.add(scope)
        return this.#hooks.run(scope, () => body?.(inner))
      }
      try {
        return await transaction(...(body ? args.with(bodyAt, scoped) : args))
      } finally {
        if (scope) await this.#end(scope)
      }
    }
  }

  /** A ROLLBACK that failed, on a dead connection, leaves its scope open: nothing was committed. */
  async #end(scope: TransactionScope): Promise<void> {
    scope.rolledBack()
    await scope.flush()
  }
}

/** Tells what an operation did to the transaction, also when it throws: a subscriber may throw after the COMMIT. */
async function watched(
  runner: Runner,
  operation: () => Promise<void>,
  on: { readonly deeper?: () => unknown; readonly shallower?: () => void },
): Promise<void> {
  const before = depthOf(runner)
  try {
    await operation()
  } finally {
    const after = depthOf(runner)
    if (after > before) on.deeper?.()
    if (after < before) on.shallower?.()
  }
}

/** `transactionDepth` is protected in TypeORM's types; SQL Server counts it down only after its subscribers. */
function depthOf(runner: Runner): number {
  return runner.isTransactionActive ? (runner as unknown as { readonly transactionDepth: number }).transactionDepth : 0
}
