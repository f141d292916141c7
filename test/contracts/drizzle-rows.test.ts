import assert from 'node:assert/strict'
import { ImproperlyConfigured, UnidentifiableInstance } from '../../src/errors.ts'
import { drizzle } from '../../src/orms/drizzle.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { openDrizzleLab, type DrizzleLab } from './drizzle-lab.ts'
import { drizzleVersions } from './drizzle-versions.ts'
import { describeWithLab } from './orm-contract.ts'
import { newUser, type ModelLab } from './orm-contract-tools.ts'

interface Columns {
  readonly id: object
  readonly name: object
  readonly authorId: object
}

const labelOf = ({ models }: ModelLab, row: unknown): string | undefined => {
  const sent: unknown = models.toReferences(row)
  return sent instanceof ModelReference ? sent.toString() : undefined
}

const column = (table: object, name: keyof Columns): object => (table as Columns)[name]

async function withPosts(lab: DrizzleLab): Promise<void> {
  const { id } = await newUser(lab, 'Ada')
  await lab.create('Post', { id: 7, title: 'one', authorId: id })
}

for (const version of drizzleVersions) {
  const { sql, eq } = version.core
  const databases = ['sqlite', 'postgres'] as const
  const open = (database: Parameters<typeof openDrizzleLab>[1]): Promise<DrizzleLab> =>
    openDrizzleLab(version, database)

  describeWithLab(`rows of drizzle ${version.name}`, { databases, open }, (test) => {
    test('knows rows of a part of the columns, and refuses them without the key', async (lab) => {
      const { db, tables } = lab
      await newUser(lab, 'Ada')
      const user = tables.User
      const [keyed] = await db.select({ id: column(user, 'id'), name: column(user, 'name') }).from(user)
      assert.equal(labelOf(lab, keyed), 'shop.User(1)')
      const [keyless] = await db.select({ name: column(user, 'name') }).from(user)
      assert.throws(() => labelOf(lab, keyless), UnidentifiableInstance)
    })

    test('takes no aggregate, renamed column or row of a union for a row of a table', async (lab) => {
      const { db, tables } = lab
      await withPosts(lab)
      const user = tables.User
      const [count] = await db.select({ id: sql`count(*)` }).from(user)
      const [renamed] = await db.select({ id: column(tables.Post, 'authorId') }).from(tables.Post)
      const ids = (table: object): ReturnType<ReturnType<typeof db.select>['from']> =>
        db.select({ id: column(table, 'id') }).from(table)
      for (const row of [count, renamed, ...(await ids(user).union(ids(tables.Post)))]) {
        assert.equal(labelOf(lab, row), undefined)
      }
    })

    test('knows the rows of a join, and those of a prepared statement', async (lab) => {
      const { db, tables } = lab
      await withPosts(lab)
      const on = eq(column(tables.Post, 'authorId') as never, column(tables.User, 'id'))
      const [joined] = (await db.select().from(tables.User).leftJoin(tables.Post, on)) as {
        users: object
        posts: object
      }[]
      assert.equal(labelOf(lab, joined?.users), 'shop.User(1)')
      assert.equal(labelOf(lab, joined?.posts), 'shop.Post(7)')
      const [prepared] = await db.select().from(tables.User).prepare('users').execute()
      assert.equal(labelOf(lab, prepared), 'shop.User(1)')
    })

    test('knows the rows of relational queries, and the related rows in them', async (lab) => {
      await withPosts(lab)
      const [user] = (await lab.db.query.users.findMany({ with: { posts: true } })) as { posts: object[] }[]
      assert.equal(labelOf(lab, user), 'shop.User(1)')
      assert.equal(labelOf(lab, user?.posts[0]), 'shop.Post(7)')
      await lab.db.transaction(async (tx) => {
        const [post] = (await tx.query.posts.findMany({ with: { author: true } })) as { author: object }[]
        assert.equal(labelOf(lab, post?.author), 'shop.User(1)')
      })
    })

    test('knows copies of rows when they are tagged', async (lab) => {
      const copy = { ...(await newUser(lab, 'Ada')) }
      assert.equal(labelOf(lab, copy), undefined)
      assert.equal(labelOf(lab, lab.adapter.tag(lab.tables.User, copy)), 'shop.User(1)')
      assert.throws(() => lab.adapter.tag({}, copy), ImproperlyConfigured)
    })

    test('drops with a savepoint what was said on the handle around it meanwhile', async (lab) => {
      const ran: string[] = []
      await lab.db.transaction(async (tx) => {
        const inner = tx.transaction(async () => {
          lab.transactions.afterCommit(() => ran.push('lost'), tx)
          throw new Error('stop here')
        })
        await assert.rejects(inner, /stop here/)
        lab.transactions.afterCommit(() => ran.push('kept'), tx)
      })
      assert.deepEqual(ran, ['kept'])
    })

    test('reads from a replica, and from the primary when asked to', async (lab) => {
      const { id } = await newUser(lab, 'Ada')
      const other = await open(lab.database)
      const both = version.postgres.tables.withReplicas(lab.db as never, [other.db as never])
      const options = { app: 'shop', sql, models: { User: lab.tables.User } }
      const replicated = drizzle(both, options)
      const [info] = [...replicated.models()]
      assert.ok(info && replicated.replicated)
      lab.takeSelects()
      await replicated.fetch(info, [id], { primary: false })
      assert.deepEqual([lab.takeSelects(), other.takeSelects()], [0, 1])
      await replicated.fetch(info, [id], { primary: true })
      assert.deepEqual([lab.takeSelects(), other.takeSelects()], [1, 0])
      await other[Symbol.asyncDispose]()
    })

    test('says what is wrong with its options', async ({ db }) => {
      const { sqliteTable, text } = version.sqlite.tables
      const keyless = sqliteTable('keyless', { name: text() })
      const make = (options: object) => () => drizzle(db, { app: 'shop', sql, models: {}, ...options })
      assert.throws(make({ app: 'a.b' }), /without dots/)
      assert.throws(make({ models: { User: {} } }), /models\.User must be a table/)
      assert.throws(make({ models: { Keyless: keyless } }), /declares no primary key; say keys: \{ Keyless/)
      assert.throws(make({ models: { Keyless: keyless }, keys: { Keyless: 'id' } }), /has no column id/)
      assert.doesNotThrow(make({ models: { Keyless: keyless }, keys: { Keyless: 'name' } }))
      assert.throws(() => drizzle({ dialect: {} } as never, { app: 'shop', sql, models: {} }), ImproperlyConfigured)
    })
  })
}
