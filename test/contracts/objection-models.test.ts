import assert from 'node:assert/strict'
import { Model, snakeCaseMappers } from 'objection'
import { ImproperlyConfigured } from '../../src/errors.ts'
import { objection } from '../../src/orms/objection.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { openObjectionLab, Post, User } from './objection-lab.ts'
import { describeWithLab } from './orm-contract.ts'
import { inApp, newUser } from './orm-contract-tools.ts'

describeWithLab('objection models', { databases: ['sqlite', 'postgres'], open: openObjectionLab }, (it) => {
  it('recognises instances of models that are bound to a Knex or a transaction', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const bound = await User.bindKnex(lab.knex).query().findById(id).throwIfNotFound()
    assert.notEqual(bound.constructor, User)
    const sent = lab.models.toReferences<readonly unknown[]>([bound])
    assert.deepEqual(sent, [new ModelReference('shop.User', id, { v: 1 })])
  })

  it('takes a subclass with a table of its own for another model', async (lab) => {
    class Admin extends User {
      static override tableName = 'admins'
    }
    assert.equal(lab.adapter.identify(Admin.fromJson({ id: 1 })), undefined)
    assert.equal(lab.adapter.identify({ $isObjectionModel: true, constructor: User, id: 1 }), undefined)
  })

  it('names keys, versions and deletions by property, whatever the columns are called', async (lab) => {
    const { database, knex } = lab
    class Account extends Model {
      static override tableName = 'user_accounts'
      static override idColumn = 'user_id'
      static override columnNameMappers = snakeCaseMappers()
      declare userId: number
      declare rowVersion: number
    }
    const columns = 'user_id INTEGER PRIMARY KEY, row_version INTEGER, removed_at TEXT'
    await database.execute(`CREATE TABLE user_accounts (${columns})`)
    try {
      const options = { app: 'a', version: 'rowVersion', deletedAt: 'removedAt' }
      const adapter = objection(knex, [Account], options)
      const { models } = inApp(lab, adapter)
      const account = await Account.query(knex).insertAndFetch({ userId: 7, rowVersion: 3 })
      const sent = models.toReferences<readonly unknown[]>([account])
      assert.deepEqual(sent, [new ModelReference('a.Account', 7, { v: 3 })])
      assert.deepEqual(await models.load(sent), [account])
      const [info] = [...adapter.models()]
      assert.ok(info)
      const hidden = { primary: true, hideDeleted: true }
      assert.equal((await adapter.fetch(info, [7], hidden)).length, 1)
      await knex('user_accounts').update({ removed_at: 'today' })
      assert.equal((await adapter.fetch(info, [7], hidden)).length, 0)
    } finally {
      await database.execute('DROP TABLE user_accounts')
    }
  })

  it('tells models that hide rows themselves whether to do so', async (lab) => {
    const seen: unknown[] = []
    class Hiding extends User {
      static override query(...args: Parameters<typeof User.query>): ReturnType<typeof User.query> {
        return super.query(...args).onBuild((builder) => void seen.push(builder.context()))
      }
    }
    const adapter = objection(lab.knex, [Hiding], { app: 'h' })
    const [info] = [...adapter.models()]
    assert.ok(info)
    await adapter.fetch(info, [1], { primary: true })
    await adapter.fetch(info, [1], { primary: true, hideDeleted: true })
    assert.deepEqual(
      seen.map((context) => (context as { withDeleted: boolean }).withDeleted),
      [true, false],
    )
  })

  it('gives every task a copy that shares nothing, loaded relations included', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    await lab.create('Post', { title: 'one', authorId: id })
    const user = await User.query(lab.knex).findById(id).withGraphFetched('posts').throwIfNotFound()
    user.tags = ['a']
    const copy = lab.adapter.copy?.(user)
    assert.ok(copy instanceof User)
    assert.deepEqual(copy, user)
    assert.notEqual(copy.tags, user.tags)
    assert.ok(copy.posts?.[0] instanceof Post)
    assert.notEqual(copy.posts[0], user.posts?.[0])
    Object.assign(user, { helper: new Map() })
    assert.equal(lab.adapter.copy?.(user), undefined)
  })

  it('copies no model that listens to loading', async (lab) => {
    class Listening extends User {
      override $afterFind(): void {
        this.name += '!'
      }
    }
    class Watched extends User {
      static override afterFind(): void {}
    }
    const adapter = objection(lab.knex, [Listening, Watched], { app: 'l' })
    assert.equal(adapter.copy?.(Listening.fromJson({ id: 1 })), undefined)
    assert.equal(adapter.copy?.(Watched.fromJson({ id: 1 })), undefined)
  })

  it('says what it cannot work with', async ({ knex }) => {
    assert.throws(() => objection(knex, [User], { app: 'a.b' }), ImproperlyConfigured)
    await knex.transaction(async (trx) => {
      assert.throws(() => objection(trx, [User], { app: 'a' }), ImproperlyConfigured)
    })
  })
})
