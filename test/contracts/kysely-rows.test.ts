import assert from 'node:assert/strict'
import { CamelCasePlugin, Kysely, sql } from 'kysely'
import { ImproperlyConfigured, UnidentifiableInstance } from '../../src/errors.ts'
import { kysely } from '../../src/orms/kysely.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { dialectOf, openKyselyLab, type KyselyLab, type Tables } from './kysely-lab.ts'
import { describeWithLab } from './orm-contract.ts'
import { inApp, newUser, type ModelLab } from './orm-contract-tools.ts'

/** The reference that is sent for a row, or `undefined` where the row is sent as it is. */
function sent({ models }: ModelLab, row: object | undefined): string | undefined {
  assert.ok(row, 'there is no such row')
  const [value] = models.toReferences<readonly unknown[]>([row])
  return value instanceof ModelReference ? value.toString() : undefined
}

async function withPost(lab: KyselyLab & ModelLab): Promise<void> {
  const { id } = await newUser(lab, 'Ada')
  await lab.create('Post', { title: 'one', authorId: id })
}

describeWithLab('kysely rows', { databases: ['sqlite', 'postgres'], open: openKyselyLab }, (it) => {
  it('recognises rows however they are selected, as long as their key comes with them', async (lab) => {
    await withPost(lab)
    const { kysely: db } = lab
    const joined = db.selectFrom('posts').innerJoin('users as u', 'u.id', 'posts.authorId')
    const statements = [
      db.selectFrom('users').selectAll(),
      db.selectFrom('users').select('id'),
      db.selectFrom('users as u').selectAll('u'),
      db
        .selectFrom('users')
        .selectAll()
        .select(sql<number>`1 + 1`.as('two')),
      joined.selectAll('u'),
      joined.select(['u.id', 'u.name', 'posts.title as title']),
      db.updateTable('users').set({ name: 'Bea' }).returningAll(),
      db
        .insertInto('users')
        .values({ id: 1, name: 'x' })
        .onConflict((c) => c.column('id').doUpdateSet({ name: 'y' }))
        .returning('id'),
    ]
    for (const statement of statements) assert.equal(sent(lab, await statement.executeTakeFirst()), 'shop.User(1)')
    await db.transaction().execute(async (trx) => {
      assert.equal(sent(lab, await trx.selectFrom('users').selectAll().executeTakeFirst()), 'shop.User(1)')
    })
  })

  it('takes nothing for a row that is none of one table, or whose key is something else', async (lab) => {
    await withPost(lab)
    const { kysely: db } = lab
    const joined = db.selectFrom('posts').innerJoin('users', 'users.id', 'posts.authorId')
    const statements = [
      joined.selectAll(),
      joined.select(['users.id', 'posts.title']),
      db.selectFrom('posts').select('authorId as id'),
      db.selectFrom('users').select((eb) => eb.fn.countAll().as('count')),
      db.selectFrom('users').select('name').distinct(),
      db.selectFrom('users').select('id').union(db.selectFrom('posts').select('id')),
      db
        .with('users', (from) => from.selectFrom('posts').selectAll())
        .selectFrom('users')
        .selectAll(),
      db.selectFrom(db.selectFrom('posts').select('authorId as id').as('users')).selectAll(),
      db
        .selectFrom('users')
        .leftJoin('posts', (join) => join.on('posts.id', '=', -1))
        .selectAll('posts'),
    ]
    for (const statement of statements) {
      assert.equal(sent(lab, await statement.executeTakeFirst()), undefined, statement.compile().sql)
    }
    const deleted = await db.deleteFrom('posts').returningAll().executeTakeFirst()
    assert.equal(sent(lab, deleted), undefined)
    const raw = await sql<object>`SELECT * FROM users`.execute(db)
    assert.equal(sent(lab, raw.rows[0]), undefined)
  })

  it('takes a row of the same table in another schema for none', async (lab) => {
    await newUser(lab, 'Ada')
    const schema = lab.database.dialect === 'sqlite' ? 'main' : 'public'
    const row = await lab.kysely.withSchema(schema).selectFrom('users').selectAll().executeTakeFirst()
    assert.equal(sent(lab, row), undefined)
  })

  it('refuses a row that was read without its key, and names its place', async (lab) => {
    await newUser(lab, 'Ada')
    const row = await lab.kysely.selectFrom('users').select('name').executeTakeFirstOrThrow()
    assert.throws(
      () => lab.models.toReferences([{ who: row }]),
      (error: Error) =>
        error instanceof UnidentifiableInstance && /\$\[0\]\.who: .*shop\.User has no id/.test(error.message),
    )
    assert.equal(sent(lab, { ...row }), undefined)
  })

  it('knows names before plugins change them', async (lab) => {
    const { database } = lab
    await database.execute('CREATE TABLE user_accounts (user_id INTEGER PRIMARY KEY, full_name VARCHAR(9))')
    type Accounts = { userAccounts: { userId: number; fullName: string } }
    await using db = new Kysely<Accounts>({ dialect: dialectOf(database), plugins: [new CamelCasePlugin()] })
    try {
      const { models } = inApp(lab, kysely(db, { Account: { table: 'userAccounts', key: 'userId' } }, { app: 'a' }))
      const row = await db
        .insertInto('userAccounts')
        .values({ userId: 7, fullName: 'Ada' })
        .returningAll()
        .executeTakeFirst()
      const references = models.toReferences([row])
      assert.deepEqual(references, [new ModelReference('a.Account', 7)])
      assert.deepEqual(await models.load(references), [{ userId: 7, fullName: 'Ada' }])
    } finally {
      await database.execute('DROP TABLE user_accounts')
    }
  })

  it('says what it cannot work with', async (lab) => {
    const db: Kysely<Tables> = lab.kysely
    assert.throws(() => kysely(db, {}, { app: 'a.b' }), ImproperlyConfigured)
    assert.throws(() => kysely(db, { U: { table: 'users as u' as 'users' } }, { app: 'a' }), ImproperlyConfigured)
    await db.transaction().execute(async (trx) => {
      assert.throws(() => kysely(trx, {}, { app: 'a' }), ImproperlyConfigured)
    })
  })
})
