import { AsyncLocalStorage } from 'node:async_hooks'
import { createClient } from '@libsql/client'
import { createPool } from 'mysql2/promise'
import { Pool } from 'pg'
import { drizzle, type DrizzleModels } from '../../src/orms/drizzle.ts'
import type { SqlDialect } from '../../src/orms/orm-adapter.ts'
import type { TestDatabase } from '../services.ts'
import { labTables, type LabTables } from './drizzle-lab-tables.ts'
import type { DrizzleVersion } from './drizzle-versions.ts'
import type { LabRows, OrmLab, UserRow } from './orm-contract-tools.ts'

/** What the labs use of a database or a transaction, whatever the driver. */
export interface LabHandle {
  readonly query: Readonly<Record<'users' | 'posts', { findMany(config?: object): Promise<object[]> }>>
  insert(table: object): { values(values: object): InsertQuery }
  select(fields?: object): { from(table: object): SelectQuery }
  transaction<R>(body: (tx: LabHandle) => Promise<R>, config?: object): Promise<R>
}
interface InsertQuery extends Promise<unknown> {
  returning(fields?: object): Promise<object[]>
  $returningId(): Promise<object[]>
}
interface SelectQuery extends Promise<object[]> {
  where(condition: object): SelectQuery
  leftJoin(table: object, on: object): SelectQuery
  union(other: SelectQuery): SelectQuery
  prepare(name: string): { execute(values?: object): Promise<object[]> }
}

export interface DrizzleLab extends OrmLab {
  readonly adapter: DrizzleModels
  readonly db: LabHandle
  readonly tables: LabTables
}

interface Connected {
  readonly db: LabHandle
  readonly end: () => Promise<void>
}

/** Drizzle has no ambient transactions: what the lab saves in one must use its handle. */
const ambient = new AsyncLocalStorage<LabHandle>()

export async function openDrizzleLab(version: DrizzleVersion, database: TestDatabase): Promise<DrizzleLab> {
  const { sql, eq } = version.core
  const tables = labTables(version, database.dialect)
  let selects = 0
  const logger = { logQuery: (query: string) => void (/^select .* from ["`](users|seats)/.test(query) && selects++) }
  const { db, end } = connect(version, database, { logger, ...relational(version, tables, database.dialect) })
  const options = { app: 'shop', sql, models: tables, aliases: { User: ['shop.Person'] }, file: database.url }
  const adapter = drizzle(db, { ...options, version: 'version', deletedAt: 'deletedAt' })
  const inside = <R>(handle: LabHandle, body: (tx: object) => Promise<R>): Promise<R> =>
    handle.transaction((tx) => ambient.run(tx, () => body(tx)))
  const matching = (table: object, values: object): object =>
    sql.join(
      Object.entries(values).map(([name, value]) => eq(table[name as keyof typeof table], value)),
      sql` and `,
    )
  const create = async (table: object, given: object): Promise<object | undefined> => {
    const handle = ambient.getStore() ?? db
    const insert = handle.insert(table).values(given)
    if (database.dialect !== 'mysql') return (await insert.returning())[0]
    const [generated] =
      'id' in given || !('id' in table) ? [await insert.then(() => given)] : await insert.$returningId()
    return (
      await handle
        .select()
        .from(table)
        .where(matching(table, generated ?? given))
    )[0]
  }
  return {
    database,
    adapter,
    db,
    tables,
    create: async (model, values) => (await create(tables[model], inserted(values, database.dialect))) as never,
    findUser: async (id) => {
      const [user] = await db.select().from(tables.User).where(matching(tables.User, { id }))
      if (!user) throw new Error(`no user ${id}`)
      return user as UserRow
    },
    transaction: (body) => inside(db, body),
    savepoint: (tx, body) => inside(tx as LabHandle, body),
    takeSelects: () => {
      const taken = selects
      selects = 0
      return taken
    },
    [Symbol.asyncDispose]: end,
  }
}

/** As the columns of the lab take them. */
function inserted(values: Partial<LabRows[keyof LabRows]>, dialect: SqlDialect): object {
  if ('id' in values && typeof values.id === 'bigint' && dialect === 'sqlite')
    return { ...values, id: Number(values.id) }
  return 'day' in values && dialect === 'postgres' ? { ...values, day: new Date(values.day ?? '') } : values
}

/** `User.posts`, as each line of Drizzle wants it said. */
function relational(
  { name, core }: DrizzleVersion,
  { User: users, Post: posts }: LabTables,
  dialect: SqlDialect,
): object {
  if (name === '0.45') {
    const usersRelations = core.relations(users as never, ({ many }) => ({ posts: many(posts as never) }))
    const postsRelations = core.relations(posts as never, ({ one }) => ({
      author: one(users as never, {
        fields: [(posts as { authorId: never }).authorId],
        references: [(users as { id: never }).id],
      }),
    }))
    // MariaDB has no lateral joins
    const mode = dialect === 'mysql' ? { mode: 'planetscale' } : undefined
    return { schema: { users, posts, usersRelations, postsRelations }, ...mode }
  }
  const { defineRelations } = core as unknown as {
    readonly defineRelations: (tables: object, relate: (r: never) => object) => object
  }
  type Relate = Readonly<Record<'users' | 'posts', Readonly<Record<string, unknown>>>> & {
    readonly many: { posts(on: object): unknown }
    readonly one: { users(on: object): unknown }
  }
  const relate = (r: Relate): object => ({
    users: { posts: r.many.posts({ from: r.users['id'], to: r.posts['authorId'] }) },
    posts: { author: r.one.users({ from: r.posts['authorId'], to: r.users['id'] }) },
  })
  return { relations: defineRelations({ users, posts }, relate as never) }
}

function connect(version: DrizzleVersion, { dialect, url }: TestDatabase, config: object): Connected {
  if (dialect === 'sqlite') {
    const client = createClient({ url: `file:${url}` })
    return { db: handleOf(version.sqlite.driver.drizzle({ client, ...config })), end: async () => client.close() }
  }
  if (dialect === 'postgres') {
    const client = new Pool({ connectionString: url })
    return { db: handleOf(version.postgres.driver.drizzle({ client, ...config })), end: () => client.end() }
  }
  // without it, mysql2 rounds large numbers
  const client = createPool({ uri: url, supportBigNumbers: true })
  return { db: handleOf(version.mysql.driver.drizzle({ client, ...config } as never)), end: () => client.end() }
}

function handleOf(db: object): LabHandle {
  return db as LabHandle
}
