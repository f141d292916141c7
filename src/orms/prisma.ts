import { ImproperlyConfigured } from '../errors.ts'
import type { Key } from '../protocol/model-reference.ts'
import { CallbackTransactions } from './callback-transactions.ts'
import type { FetchOptions, Identity, ModelInfo, OrmAdapter, OrmTransactions, SqlDialect } from './orm-adapter.ts'
import { checkAliases, checkOptions, labelOptions } from './orm-labels.ts'
import { PlainRows } from './plain-rows.ts'
import { KnownClient } from './prisma-client.ts'
import { saysMariadbUnavailable } from './prisma-errors.ts'
import { prismaModels, type PrismaModel, type PrismaModelOptions } from './prisma-models.ts'
import { readRows } from './prisma-reads.ts'
import type { PrismaClientLike, PrismaHandle, PrismaInternals } from './prisma-types.ts'
import { fileFor, type SqliteFileOptions } from './sqlite-file.ts'

export type { OrmAdapter } from './orm-adapter.ts'
export type { PrismaClientLike } from './prisma-types.ts'

export interface PrismaOptions extends PrismaModelOptions, SqliteFileOptions {
  /** The database. Default: what the client was generated for. */
  readonly dialect?: SqlDialect
}

/** What `app.models.use()` takes, with the client that the app works with. */
export interface PrismaModels<C extends PrismaClientLike> extends OrmAdapter {
  /** The client whose rows and transactions are known. Use it instead of the one that was given, everywhere. */
  readonly client: C
  /** Makes rows known that came otherwise: by raw SQL, as a copy, from a cache. Returns them. */
  tag<R extends object>(model: string, rows: R): R
}

const optionNames = [...labelOptions, 'keys', 'version', 'deletedAt', 'dialect', 'file']

/** An interactive transaction of Prisma ends after 5 s by default; a task ends by its own time limit. */
const taskTransaction = { maxWait: 30_000, timeout: 2 ** 31 - 1 }

/**
 * Makes the rows of a Prisma client arguments of tasks, and its transactions known: `const orm = prisma(new PrismaClient(…),
 * { app: 'shop' })`, then `app.models.use(orm)` and `export const db = orm.client`. The client stays the caller's to
 * disconnect. Throws ImproperlyConfigured.
 */
export function prisma<C extends PrismaClientLike>(client: C, options: PrismaOptions): PrismaModels<C> {
  checkOptions('prisma(client)', client, options, optionNames)
  const adapter = new PrismaAdapter(client, options)
  checkAliases('prisma', options.aliases, adapter.models())
  return adapter
}

class PrismaAdapter<C extends PrismaClientLike> implements PrismaModels<C> {
  readonly name = 'prisma'
  readonly db?: string
  readonly replicated: boolean
  readonly client: C
  readonly transactions: OrmTransactions
  readonly #base: PrismaHandle
  readonly #known: KnownClient
  readonly #rows = new PlainRows(copyDecimal)
  readonly #models: ReadonlyMap<string, PrismaModel>
  readonly #options: PrismaOptions

  constructor(client: C, options: PrismaOptions) {
    const transactions = new CallbackTransactions()
    this.#base = client as unknown as PrismaHandle
    this.#options = options
    this.#models = prismaModels(client as PrismaInternals, options)
    this.#known = new KnownClient({ rows: this.#rows, models: this.#models, transactions })
    if (options.db !== undefined) this.db = options.db
    this.replicated = '$primary' in client
    this.client = this.#known.of(client)
    const handle = this.client as unknown as PrismaHandle
    const dialect = options.dialect ?? dialectOf((client as PrismaInternals)._activeProvider)
    this.transactions = {
      dialect,
      // the adapters of Prisma keep it to themselves
      ...fileFor(dialect, options),
      install: (hooks) => transactions.install(hooks),
      run: <R>(body: (tx: object) => Promise<R>) => handle.$transaction(body, taskTransaction) as Promise<R>,
      execute: async (tx, sql, params) => rowsOf(await (tx as PrismaHandle).$queryRawUnsafe(sql, ...params)),
    }
  }

  *models(): Iterable<ModelInfo> {
    for (const { info } of this.#models.values()) yield info
  }

  identify(value: object): Identity | undefined {
    return this.#rows.identify(value)
  }

  async fetch(info: ModelInfo, keys: readonly Key[], options: FetchOptions): Promise<readonly object[]> {
    const model = this.#model(info.label.slice(info.label.indexOf('.') + 1))
    if (options.hideDeleted === true && this.#options.deletedAt === undefined) {
      throw new ImproperlyConfigured(
        `withDeleted: false needs prisma(…, { deletedAt: 'deletedAt' }) to know deleted rows`,
      )
    }
    const primary = options.primary ? (this.#base.$primary?.() ?? this.#base) : this.#base
    const handle = (options.tx as PrismaHandle | undefined) ?? primary
    const { dialect } = this.transactions
    const rows = await readRows(keys, { handle, model, models: this.#models, dialect, options })
    this.#known.tag(model, rows)
    return rows
  }

  copy(row: object): object | undefined {
    return this.#rows.copy(row)
  }

  isUnavailable(error: unknown): boolean {
    return saysMariadbUnavailable(error)
  }

  tag<R extends object>(model: string, rows: R): R {
    this.#known.tag(this.#model(model), rows)
    return rows
  }

  #model(name: string): PrismaModel {
    const model = this.#models.get(name)
    if (model) return model
    throw new ImproperlyConfigured(`prisma: no model ${name}; the client has ${[...this.#models.keys()].join(', ')}`)
  }
}

function dialectOf(provider: string | undefined): SqlDialect {
  if (provider === 'postgresql' || provider === 'postgres' || provider === 'cockroachdb') return 'postgres'
  if (provider === 'mysql' || provider === 'sqlite') return provider
  throw new ImproperlyConfigured(
    `prisma(): the provider ${provider ?? 'of the client'} is not known; say dialect: 'postgres', 'mysql' or 'sqlite'`,
  )
}

function rowsOf(result: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(result) ? (result as Record<string, unknown>[]) : []
}

/** `Prisma.Decimal`, told by its methods: the class differs from client to client. */
function copyDecimal(value: object): object | undefined {
  if (!('toDecimalPlaces' in value) || !('constructor' in value)) return undefined
  return new (value.constructor as new (decimal: object) => object)(value)
}
