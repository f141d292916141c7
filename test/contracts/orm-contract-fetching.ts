import assert from 'node:assert/strict'
import { ImproperlyConfigured } from '../../src/errors.ts'
import type { FetchOptions, ModelInfo, SqlDialect } from '../../src/orms/orm-adapter.ts'
import { quoted } from './orm-contract-schema.ts'
import { insertIn, newUser, type DefineOrm, type ModelLab, type OrmAbilities } from './orm-contract-tools.ts'

function infoOf({ adapter }: ModelLab, label: string): ModelInfo {
  const info = [...adapter.models()].find((model) => model.label === label)
  assert.ok(info, `${label} is not registered`)
  return info
}

async function fetchUser(lab: ModelLab, id: number, options: Partial<FetchOptions>): Promise<object | undefined> {
  const rows = await lab.adapter.fetch(infoOf(lab, 'shop.User'), [id], { primary: true, ...options })
  return rows[0]
}

/** What tasks may ask for when their models are fetched, and what the outbox does in a transaction. */
export function defineFetchTests(it: DefineOrm, dialect: SqlDialect, abilities: OrmAbilities): void {
  defineRelations(it, abilities)
  defineDeleted(it, dialect, abilities)
  defineLocks(it, dialect, abilities)
  defineStatements(it, dialect)
}

function defineRelations(it: DefineOrm, { relations }: OrmAbilities): void {
  if (!relations) {
    it('refuses to load relations, which it does not know', async (lab) => {
      const { id } = await newUser(lab, 'Ada')
      await assert.rejects(fetchUser(lab, id, { relations: ['posts'] }), ImproperlyConfigured)
    })
    return
  }
  it('loads the relations that are asked for, and no others', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    for (const title of ['one', 'two']) await lab.create('Post', { title, authorId: id })
    const user = (await fetchUser(lab, id, { relations: ['posts'] })) as { readonly posts: Iterable<{ title: string }> }
    assert.deepEqual([...user.posts].map(({ title }) => title).toSorted(), ['one', 'two'])
    const plain = (await fetchUser(lab, id, {})) as {
      readonly posts?: Iterable<unknown> & { isInitialized?(): boolean }
    }
    if (plain.posts?.isInitialized) assert.equal(plain.posts.isInitialized(), false)
    else assert.equal(plain.posts, undefined)
  })

  it('copies a row with its relations, or not at all', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    await lab.create('Post', { title: 'one', authorId: id })
    const user = (await fetchUser(lab, id, { relations: ['posts'] })) as { readonly posts: readonly object[] }
    const copy = lab.adapter.copy?.(user) as typeof user | undefined
    if (!copy) return
    assert.deepEqual(copy, user)
    assert.notEqual(copy.posts, user.posts)
    assert.notEqual(copy.posts[0], user.posts[0])
  })

  it('says which relation there is none of', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    await assert.rejects(fetchUser(lab, id, { relations: ['nobodys'] }), /nobodys/)
  })
}

function defineDeleted(it: DefineOrm, dialect: SqlDialect, { hideDeleted }: OrmAbilities): void {
  const remove = async (lab: ModelLab, id: number): Promise<void> => {
    await lab.database.execute(`UPDATE users SET ${quoted(dialect, 'deletedAt')} = CURRENT_TIMESTAMP WHERE id = ${id}`)
  }
  it('loads rows that are soft-deleted', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    await remove(lab, id)
    assert.ok(await fetchUser(lab, id, {}))
  })

  if (!hideDeleted) {
    it('refuses to hide soft-deleted rows, which it cannot tell', async (lab) => {
      const { id } = await newUser(lab, 'Ada')
      await assert.rejects(fetchUser(lab, id, { hideDeleted: true }), ImproperlyConfigured)
    })
    return
  }
  it('hides rows that are soft-deleted when asked to', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    assert.ok(await fetchUser(lab, id, { hideDeleted: true }))
    await remove(lab, id)
    assert.equal(await fetchUser(lab, id, { hideDeleted: true }), undefined)
  })
}

function defineLocks(it: DefineOrm, dialect: SqlDialect, { lock }: OrmAbilities): void {
  const others = (id: number, mode: string): string => `SELECT id FROM users WHERE id = ${id} ${mode} NOWAIT`
  const share = dialect === 'mysql' ? 'LOCK IN SHARE MODE' : 'FOR SHARE'
  if (!lock || dialect === 'sqlite') {
    it('refuses to lock rows, which it cannot', async (lab) => {
      const { id } = await newUser(lab, 'Ada')
      await lab.transaction((tx) => assert.rejects(fetchUser(lab, id, { tx, lock: 'update' }), ImproperlyConfigured))
    })
    return
  }
  it('locks rows until the transaction ends', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    await lab.transaction(async (tx) => {
      await fetchUser(lab, id, { tx, lock: 'update' })
      await assert.rejects(lab.database.execute(others(id, share)))
    })
    await lab.transaction(async (tx) => {
      await fetchUser(lab, id, { tx, lock: 'share' })
      assert.equal((await lab.database.execute(others(id, share))).length, 1)
      await assert.rejects(lab.database.execute(others(id, 'FOR UPDATE')))
    })
    assert.equal((await lab.database.execute(others(id, 'FOR UPDATE'))).length, 1)
  })
}

function defineStatements(it: DefineOrm, dialect: SqlDialect): void {
  const [first, second] = dialect === 'postgres' ? ['$1', '$2'] : ['?', '?']
  it('runs statements on the connection of a transaction, and gives their rows', async (lab) => {
    const { transactions } = lab.adapter
    assert.ok(transactions)
    const execute = transactions.execute.bind(transactions)
    await lab.transaction(async (tx) => {
      const name = "O'Brien ? $1 %s"
      await execute(tx, `INSERT INTO users (name, version) VALUES (${first}, ${second})`, [name, 7])
      const rows = await execute(tx, `SELECT id, name, version FROM users WHERE version = ${first}`, [7])
      assert.deepEqual(
        rows.map((row) => ({ ...row, id: Number(row['id']), version: Number(row['version']) })),
        [{ id: 1, name, version: 7 }],
      )
      await execute(tx, 'DELETE FROM users', [])
      assert.deepEqual([...(await execute(tx, 'SELECT id FROM users', []))], [])
    })
  })

  it('runs a transaction of its own, which commits or rolls back as a whole', async (lab) => {
    const { transactions } = lab.adapter
    assert.ok(transactions)
    const stop = new Error('stop here')
    const failing = transactions.run(async (tx) => {
      await insertIn(lab, tx, 'Ada')
      throw stop
    })
    await assert.rejects(failing, stop)
    const value = await transactions.run(async (tx) => {
      assert.ok(lab.transactions.afterCommit(() => undefined, tx) === 'queued')
      await insertIn(lab, tx, 'Ada')
      return 'done'
    })
    assert.equal(value, 'done')
    const rows = await lab.database.execute('SELECT id FROM users')
    assert.equal(rows.length, 1)
  })
}
