// Compiled by `tsc`, never run: the adapter and Drizzle's own types, of both lines and of every kind of database.
import { sql } from 'drizzle-orm'
import { sql as sqlOf1 } from 'drizzle-orm-1'
import type { LibSQLDatabase } from 'drizzle-orm/libsql'
import type { LibSQLDatabase as LibSQLDatabaseOf1 } from 'drizzle-orm-1/libsql'
import type { MySql2Database } from 'drizzle-orm/mysql2'
import type { MySql2Database as MySql2DatabaseOf1 } from 'drizzle-orm-1/mysql2'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { NodePgDatabase as NodePgDatabaseOf1 } from 'drizzle-orm-1/node-postgres'
import { integer, pgTable, text, withReplicas } from 'drizzle-orm/pg-core'
import { integer as integerOf1, pgTable as tableOf1, text as textOf1 } from 'drizzle-orm-1/pg-core'
import { Celeriac, model, type AsyncResult } from '../../src/index.ts'
import { drizzle } from '../../src/orms/drizzle.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

const users = pgTable('users', { id: integer().primaryKey(), name: text().notNull() })
const usersOf1 = tableOf1('users', { id: integerOf1().primaryKey(), name: textOf1().notNull() })
type User = typeof users.$inferSelect

declare const db: NodePgDatabase
declare const replica: NodePgDatabase
declare const dbOf1: NodePgDatabaseOf1
declare const others: [LibSQLDatabase, MySql2Database]
declare const othersOf1: [LibSQLDatabaseOf1, MySql2DatabaseOf1]

const app = new Celeriac('types')
const orm = drizzle(db, {
  app: 'shop',
  sql,
  models: { User: users },
  aliases: { User: ['shop.Person'] },
  version: 'version',
  deletedAt: 'deletedAt',
})
app.models.use(orm)
app.models.use(drizzle(withReplicas(db, [replica]), { app: 'read', sql, models: { User: users } }))
app.models.use(drizzle(dbOf1, { app: 'new', sql: sqlOf1, models: { User: usersOf1 } }))
for (const other of others) drizzle(other, { app: 'other', sql, models: {} })
for (const other of othersOf1) drizzle(other, { app: 'other', sql: sqlOf1, models: {} })

const inferred = app.task('types.inferred', (user: User, rest: { list: User[] }) => user.id + rest.list.length)
const declared = app.task('types.declared', [model(users), model(usersOf1)], (one, two) => {
  exactly<typeof one, User>(true)
  return two.id
})

export async function calls(): Promise<void> {
  const [user] = await db.select().from(users)
  if (!user) return
  const result = await inferred.delay(user, { list: [user, app.models.ref(users, 1)] })
  exactly<typeof result, AsyncResult<number>>(true)
  await declared.delay({ id: 1 }, app.models.ref(usersOf1, 2))
  exactly<ReturnType<typeof orm.tag<User>>, User>(true)
  await db.transaction(async (tx) => {
    await inferred.in(tx).delay(user, { list: await tx.select().from(users) })
  })
  // @ts-expect-error a row without its key
  await declared.delay({ name: 'Ada' }, app.models.ref(usersOf1, 2))
  // @ts-expect-error not a database
  drizzle({}, { app: 'shop', sql, models: {} })
  // @ts-expect-error the tag is needed: celeriac imports no Drizzle
  drizzle(db, { app: 'shop', models: { User: users } })
}
