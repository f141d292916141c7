import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sql } from 'drizzle-orm'
import { drizzle as connect45 } from 'drizzle-orm/better-sqlite3'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { sql as sql1 } from 'drizzle-orm-1'
import { drizzle as connect1 } from 'drizzle-orm-1/better-sqlite3'
import { integer as integer1, sqliteTable as table1, text as text1 } from 'drizzle-orm-1/sqlite-core'
import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import { ImproperlyConfigured } from '../../src/errors.ts'
import { drizzle } from '../../src/orms/drizzle.ts'
import type { OrmAdapter } from '../../src/orms/orm-adapter.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'

interface User {
  readonly id: number
  readonly name: string
}
/** The little that the tests use, alike in both lines. */
interface SyncDb {
  insert(table: object): { values(values: object): { returning(): { get(): User }; run(): unknown } }
  select(): { from(table: object): { all(): User[] } }
  transaction(body: (tx: SyncDb) => unknown): unknown
  run(query: object): unknown
}

const lines = {
  '0.45': () => {
    const users = sqliteTable('users', { id: integer().primaryKey(), name: text() })
    return { users, sql, db: connect45(':memory:') as unknown as SyncDb }
  },
  '1.0': () => {
    const users = table1('users', { id: integer1().primaryKey(), name: text1() })
    return { users, sql: sql1, db: connect1(':memory:') as unknown as SyncDb }
  },
}

for (const [name, open] of Object.entries(lines)) {
  const inApp = (): { db: SyncDb; users: object; transactions: Transactions; models: Models; adapter: OrmAdapter } => {
    const { users, db, sql: tag } = open()
    db.run(tag`CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)`)
    const transactions = new Transactions(() => assert.fail())
    const adapter = drizzle(db, { app: 'shop', sql: tag, models: { User: users } })
    const models = new Models(transactions).use(adapter)
    return { db, users, transactions, models, adapter }
  }

  describe(`drizzle ${name} on a driver that answers at once`, () => {
    it('gives and loads rows that are known', async () => {
      const { db, users, models } = inApp()
      const user = db.insert(users).values({ name: 'Ada' }).returning().get()
      assert.deepEqual(models.toReferences([user, ...db.select().from(users).all()]), [
        new ModelReference('shop.User', 1),
        new ModelReference('shop.User', 1),
      ])
      assert.deepEqual(await models.load(models.toReferences<object>(user)), user)
    })

    it('runs callbacks after a transaction committed, and drops them when it is rolled back', () => {
      const { db, users, transactions } = inApp()
      const ran: string[] = []
      const insert = (tx: SyncDb, text: string): User => {
        transactions.afterCommit(() => ran.push(text))
        return tx.insert(users).values({ name: text }).returning().get()
      }
      const result = db.transaction((tx) => {
        assert.throws(() =>
          tx.transaction((inner) => {
            insert(inner, 'lost')
            throw new Error('stop here')
          }),
        )
        const user = insert(tx, 'kept')
        assert.deepEqual(ran, [])
        return user
      })
      assert.equal((result as User).name, 'kept')
      assert.deepEqual(ran, ['kept'])
    })

    it('refuses an async callback, whose statements would be outside of the transaction', async () => {
      const { db, users, adapter } = inApp()
      const promised = (tx: SyncDb): unknown => Promise.resolve(tx.insert(users).values({ name: 'Ada' }).run())
      assert.throws(() => db.transaction(async (tx) => await promised(tx)), ImproperlyConfigured)
      assert.throws(() => db.transaction(promised), ImproperlyConfigured)
      await assert.rejects(async () => await adapter.transactions?.run(async () => {}), ImproperlyConfigured)
      assert.deepEqual(db.select().from(users).all(), [])
    })
  })
}
