import type { CallbackTransactions } from './callback-transactions.ts'
import type { PlainRows } from './plain-rows.ts'
import { delegateName, type PrismaModel } from './prisma-models.ts'

type Call = (...args: unknown[]) => unknown
type Body = (tx: object) => unknown

/** The operations that answer with rows of their model. */
const rowOperations = new Set(
  `findUnique findUniqueOrThrow findFirst findFirstOrThrow findMany create createManyAndReturn update
  updateManyAndReturn upsert delete`.split(/\s+/),
)

interface KnownClientOptions {
  readonly rows: PlainRows
  readonly models: ReadonlyMap<string, PrismaModel>
  readonly transactions: CallbackTransactions
}

/**
 * Makes clients whose rows are known and whose transactions are followed. They are proxies, not extensions: a query
 * extension takes the rows of `user.findUnique(…).posts()` for users, and does not see the rows that a result extension
 * makes.
 */
export class KnownClient {
  readonly #rows: PlainRows
  readonly #models: ReadonlyMap<string, PrismaModel>
  readonly #byDelegate: ReadonlyMap<string, PrismaModel>
  readonly #transactions: CallbackTransactions
  readonly #delegates = new WeakMap<object, object>()

  constructor({ rows, models, transactions }: KnownClientOptions) {
    this.#rows = rows
    this.#models = models
    this.#byDelegate = new Map(Array.from(models.values(), (model) => [model.delegate, model]))
    this.#transactions = transactions
  }

  /** The client, the clients that `$extends` makes of it, and the handles of their transactions. */
  of<C extends object>(client: C): C {
    return new Proxy(client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof name === 'symbol') return value
        if (name === '$transaction' && isCall(value)) return this.#transaction(target, value)
        if (name === '$extends' && isCall(value)) return this.#extends(target, value)
        const model = name.startsWith('$') ? undefined : this.#byDelegate.get(delegateName(name))
        return model && isObject(value) ? this.#delegate(value, model) : value
      },
    })
  }

  /** Makes rows known, and the related rows in them. */
  tag(model: PrismaModel, value: unknown): void {
    if (Array.isArray(value)) {
      for (const row of value) this.tag(model, row)
      return
    }
    if (!isObject(value)) return
    this.#rows.tag(value, model)
    for (const [field, name] of model.relations) {
      const related = this.#models.get(name)
      if (related && Object.hasOwn(value, field)) this.tag(related, (value as Record<string, unknown>)[field])
    }
  }

  #transaction(client: object, transact: Call): Call {
    return (body, ...rest) => {
      if (!isCall(body)) return transact.call(client, body, ...rest)
      return this.#transactions.follow((begun) => {
        const scoped: Body = (tx) => {
          const handle = this.of(tx)
          const transaction = this.#transactions.begin(handle, client, [tx])
          begun(transaction)
          return transaction.run(() => body(handle))
        }
        return transact.call(client, scoped, ...rest) as Promise<unknown>
      })
    }
  }

  /** An extension may be a function that is given the client. */
  #extends(client: object, extend: Call): Call {
    return (extension) => {
      const extended = isCall(extension) ? extension(client) : extend.call(client, extension)
      return this.of(extended as object)
    }
  }

  #delegate(delegate: object, model: PrismaModel): object {
    const known = this.#delegates.get(delegate)
    if (known) return known
    const proxy = new Proxy(delegate, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (!isCall(value) || !rowOperations.has(String(name))) return value
        return (...args: unknown[]) => this.#answer(value.apply(target, args) as object, model)
      },
    })
    this.#delegates.set(delegate, proxy)
    return proxy
  }

  /** A query begins when it is first awaited, or when `$transaction([…])` asks for it: the promise must stay Prisma's. */
  #answer(promise: object, model: PrismaModel): object {
    const tagged = <V>(value: V): V => {
      this.tag(model, value)
      return value
    }
    return new Proxy(promise, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (!isCall(value)) return value
        const rows = (): Promise<unknown> => (target as Promise<unknown>).then(tagged)
        if (name === 'then') return (fulfilled: Call, rejected: Call) => rows().then(fulfilled, rejected)
        if (name === 'catch') return (rejected: Call) => rows().catch(rejected)
        if (name === 'finally') return (ended: () => void) => rows().finally(ended)
        if (name === 'requestTransaction') {
          return (...args: unknown[]) => (value.apply(target, args) as Promise<unknown>).then(tagged)
        }
        const related = this.#models.get(model.relations.get(String(name)) ?? '')
        return related ? (...args: unknown[]) => this.#answer(value.apply(target, args) as object, related) : value
      },
    })
  }
}

function isCall(value: unknown): value is Call {
  return typeof value === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
