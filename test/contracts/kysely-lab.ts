import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type ControlledTransaction,
  type Dialect,
  type Generated,
  Kysely,
  MysqlDialect,
  PostgresDialect,
  SqliteDialect,
} from 'kysely'
import { createPool } from 'mysql2'
import pg from 'pg'
import { kysely } from '../../src/orms/kysely.ts'
import type { InstalledTransactions, OrmAdapter, TransactionHooks } from '../../src/orms/orm-adapter.ts'
import type { TestDatabase } from '../services.ts'
import { nodeSqlite } from '../../examples/kysely/node-sqlite.ts'
import { getTypeParser, mysqlOptions } from './objection-lab.ts'
import type { LabRows, OrmLab } from './orm-contract-tools.ts'

export interface Tables {
  users: {
    id: Generated<number>
    name: string
    version: Generated<number>
    deletedAt: Date | string | null
    tags: string | null
  }
  seats: { row: number; seat: string; holder: string }
  tokens: { id: string; name: string }
  ledgers: { id: bigint | number | string; name: string }
  days: { day: string; name: string }
  posts: { id: Generated<number>; title: string; authorId: number }
}

export type Handle = ControlledTransaction<Tables>

export interface KyselyLab extends OrmLab {
  readonly kysely: Kysely<Tables>
}

/** Kysely has one connection to a SQLite file: what runs in a transaction must use its handle. */
const ambient = new AsyncLocalStorage<Kysely<Tables>>()

const models = {
  User: { table: 'users', version: 'version', deletedAt: 'deletedAt' },
  Seat: { table: 'seats', key: ['row', 'seat'] },
  Token: { table: 'tokens' },
  Ledger: { table: 'ledgers' },
  Day: { table: 'days', key: 'day' },
  Post: { table: 'posts' },
} as const

export async function openKyselyLab(database: TestDatabase): Promise<KyselyLab> {
  let selects = 0
  let savepoints = 0
  const pool = database.dialect === 'postgres' ? postgresPool(database.url) : undefined
  const db = new Kysely<Tables>({
    dialect: dialectOf(database, pool),
    log: ({ query }) => void (query.sql.startsWith('select ') && selects++),
  })
  // a mysql2 pool that is ended while it connects never closes that connection
  if (database.dialect === 'mysql') await db.connection().execute(() => Promise.resolve())
  const adapter = kysely(db, models, {
    app: 'shop',
    aliases: { User: ['shop.Person'] },
    file: database.url,
    ...(pool && { pool }),
  })
  const within = follow(adapter)
  const inside = <R>(tx: Handle, body: (tx: object) => Promise<R>): Promise<R> =>
    ambient.run(tx, () => within(tx, () => body(tx)))
  return {
    database,
    kysely: db,
    adapter,
    create: (model, values) => create(ambient.getStore() ?? db, database, model, values),
    findUser: (id) => db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
    transaction: async (body) => {
      const tx = await db.startTransaction().execute()
      try {
        const result = await inside(tx, body)
        await tx.commit().execute()
        return result
      } catch (error) {
        await tx.rollback().execute()
        throw error
      }
    },
    savepoint: async (tx, body) => {
      // MySQL forgets a savepoint when its name is used again
      const name = `savepoint_${savepoints++}`
      const inner = await (tx as Handle).savepoint(name).execute()
      try {
        return await inside(inner, body)
      } catch (error) {
        await inner.rollbackToSavepoint(name as never).execute()
        throw error
      } finally {
        await inner.releaseSavepoint(name as never).execute()
      }
    },
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}

export function dialectOf({ dialect, url }: TestDatabase, pool?: pg.Pool): Dialect {
  switch (dialect) {
    case 'sqlite':
      return new SqliteDialect({ database: nodeSqlite(url) })
    case 'postgres':
      return new PostgresDialect({ pool: pool ?? postgresPool(url) })
    case 'mysql':
      return new MysqlDialect({ pool: createPool(mysqlOptions(url)) })
  }
}

/** The contract ends connections that a test left behind: one that is just closing may hear of it after the test. */
function postgresPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, types: { getTypeParser } })
  pool.on('error', () => undefined)
  pool.on('connect', (connection) => connection.on('error', () => undefined))
  return pool
}

async function create<Name extends keyof LabRows>(
  db: Kysely<Tables>,
  { dialect }: TestDatabase,
  model: Name,
  values: Partial<LabRows[Name]>,
): Promise<LabRows[Name]> {
  const { table, ...rest } = models[model]
  const insert = db.insertInto(table).values(values as never)
  if (dialect !== 'mysql') return (await insert.returningAll().executeTakeFirstOrThrow()) as unknown as LabRows[Name]
  // MySQL gives no rows of an INSERT
  const { insertId } = await insert.executeTakeFirstOrThrow()
  const given: Readonly<Record<string, unknown>> = { id: insertId, ...values }
  let query = db.selectFrom(table).selectAll()
  for (const name of 'key' in rest ? [rest.key].flat() : ['id']) {
    query = query.where(name as never, '=', given[String(name)] as never)
  }
  return (await query.executeTakeFirstOrThrow()) as unknown as LabRows[Name]
}

/** Makes a transaction that was begun by hand current, as `app.transactions.within` does, for all who follow the adapter. */
function follow(adapter: OrmAdapter): <R>(tx: object, body: () => R) => R {
  const { transactions } = adapter
  if (!transactions) throw new Error('the adapter follows no transactions')
  const install = transactions.install.bind(transactions)
  const listeners = new Map<TransactionHooks, InstalledTransactions>()
  const watched = (hooks: TransactionHooks): InstalledTransactions => {
    const installed = install(hooks)
    listeners.set(hooks, installed)
    return { find: (tx) => installed.find(tx), uninstall: () => (listeners.delete(hooks), installed.uninstall()) }
  }
  Object.assign(transactions, { install: watched })
  return (tx, body) => {
    let outermost = body
    for (const [hooks, installed] of listeners) {
      const scope = installed.find(tx)
      const inner = outermost
      if (scope) outermost = () => hooks.run(scope, inner)
    }
    return outermost()
  }
}
