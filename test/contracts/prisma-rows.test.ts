import assert from 'node:assert/strict'
import { ImproperlyConfigured, UnidentifiableInstance } from '../../src/errors.ts'
import { prisma } from '../../src/orms/prisma.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { describeWithLab } from './orm-contract.ts'
import { newUser, type ModelLab } from './orm-contract-tools.ts'
import { openPrismaLab } from './prisma-lab.ts'

const labelOf = ({ models }: ModelLab, row: unknown): string | undefined => {
  const sent: unknown = models.toReferences(row)
  return sent instanceof ModelReference ? sent.toString() : undefined
}

const notes =
  'CREATE TABLE IF NOT EXISTS notes (note_number INTEGER PRIMARY KEY, note_text TEXT, price DECIMAL, bytes BLOB, changed DATETIME)'

async function withPosts(lab: ModelLab): Promise<void> {
  const { id } = await newUser(lab, 'Ada')
  await lab.create('Post', { id: 7, title: 'one', authorId: id })
}

describeWithLab('rows of prisma', { databases: ['sqlite'], open: openPrismaLab }, (test) => {
  test('knows related rows for what they are, however they are reached', async (lab) => {
    await withPosts(lab)
    const { user, post } = lab.adapter.client
    const included = (await user.findFirst({ include: { posts: { include: { author: true } } } })) as {
      posts: { author: object }[]
    }
    assert.equal(labelOf(lab, included.posts[0]), 'shop.Post(7)')
    assert.equal(labelOf(lab, included.posts[0]?.author), 'shop.User(1)')
    const [fluent] = await user.findUnique({ where: { id: 1 } }).posts()
    assert.equal(labelOf(lab, fluent), 'shop.Post(7)')
    assert.equal(labelOf(lab, await post.findUnique({ where: { id: 7 } }).author()), 'shop.User(1)')
  })

  test('knows rows of batches, transactions in transactions, and of clients with extensions', async (lab) => {
    await withPosts(lab)
    const { client } = lab.adapter
    const [first, count] = await client.$transaction([client.user.findMany(), client.user.count() as never])
    assert.equal(labelOf(lab, (first as object[])[0]), 'shop.User(1)')
    assert.equal(count, 1)
    const nested = await client.$transaction((tx) => tx.$transaction((inner) => inner.user.findFirst()))
    assert.equal(labelOf(lab, nested), 'shop.User(1)')
    const shout = { needs: { name: true }, compute: ({ name }: { name: string }) => name.toUpperCase() }
    const extended = client.$extends({ result: { user: { shout } } })
    const row = (await extended.user.findFirst()) as { shout: string }
    assert.deepEqual([row.shout, labelOf(lab, row)], ['ADA', 'shop.User(1)'])
    const defined = client.$extends(((inner: typeof client) =>
      inner.$extends({ result: { user: { shout } } })) as object)
    assert.equal(labelOf(lab, await defined.user.findFirst()), 'shop.User(1)')
    await extended.$transaction(async () => assert.ok(lab.transactions.current()))
  })

  test('refuses rows without their key, and knows raw rows and copies when they are tagged', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const { adapter } = lab
    const keyless = await adapter.client.user.findFirst({ select: { name: true } })
    assert.throws(() => labelOf(lab, keyless), UnidentifiableInstance)
    const [raw] = await adapter.client.$queryRawUnsafe('SELECT * FROM users')
    assert.deepEqual([labelOf(lab, raw), labelOf(lab, { ...user })], [undefined, undefined])
    assert.equal(labelOf(lab, adapter.tag('User', { ...user })), 'shop.User(1)')
    assert.throws(() => adapter.tag('Nobody', {}), ImproperlyConfigured)
  })

  test('leaves promises as Prisma has them: nothing runs before it is awaited, errors go to whom they belong', async (lab) => {
    const { user } = lab.adapter.client
    const queries = [user.create({ data: { name: 'Ada' } }), user.create({ data: { name: 'Bea' } })]
    assert.equal(await user.count(), 0)
    await lab.adapter.client.$transaction(queries)
    assert.equal(await user.count(), 2)
    const missing = { where: { id: 4711 } }
    assert.equal(await user.findUniqueOrThrow(missing).catch(() => 'none'), 'none')
    let ended = 0
    await assert.rejects(user.findUniqueOrThrow(missing).finally(() => void ended++))
    assert.equal(ended, 1)
  })

  test('finds key and version in the schema, under other names in the database, and copies what columns hold', async (lab) => {
    await lab.database.execute(notes)
    const { note } = lab.adapter.client
    const values = { number: 5, text: 'one', price: '1.50', bytes: new Uint8Array([1, 2]) }
    const created = (await note.create({ data: values })) as { changed: Date; price: object; bytes: Uint8Array }
    const sent = lab.models.toReferences<unknown>(created) as ModelReference
    assert.deepEqual([sent.toString(), sent.extra.v], ['shop.Note(5)', created.changed.toISOString()])
    const copy = lab.adapter.copy?.(created) as typeof created
    assert.deepEqual(copy, created)
    for (const column of ['changed', 'price', 'bytes'] as const) assert.notEqual(copy[column], created[column])
    assert.equal(labelOf(lab, copy), 'shop.Note(5)')
    await note.update({ where: { number: 5 }, data: { text: 'two' } })
    assert.equal(((await lab.models.load(sent)) as { text: string }).text, 'two')
  })

  test('loads relations of relations, and says what it cannot', async (lab) => {
    await withPosts(lab)
    const info = [...lab.adapter.models()].find(({ label }) => label === 'shop.User')
    assert.ok(info)
    const fetch = (options: object): Promise<readonly object[]> =>
      lab.adapter.fetch(info, [1], { primary: true, ...options })
    const [user] = (await fetch({ relations: ['posts.author'] })) as { posts: { author: { name: string } }[] }[]
    assert.equal(user?.posts[0]?.author.name, 'Ada')
    await assert.rejects(fetch({ relations: ['posts.nobody'] }), /shop\.Post has no relation 'nobody'; it has: author/)
    await assert.rejects(fetch({ lock: 'update' }), /SQLite has no row locks/)
  })

  test('says what is wrong with its options', async ({ base }) => {
    const make = (options: object) => () => prisma(base, { app: 'shop', ...options })
    assert.throws(make({ app: 'a.b' }), /without dots/)
    assert.throws(make({ version: 'vrsion' }), /version }\) names the field vrsion, which none of the models has/)
    assert.throws(make({ keys: { Nobody: 'id' } }), /keys.* names the model Nobody; the client has User, Seat/)
    assert.throws(make({ keys: { Seat: ['row', 'column'] } }), /the key of Seat has no field column/)
    assert.throws(() => prisma({} as never, { app: 'shop' }), /needs a client made with new PrismaClient/)
    const keyless = { _runtimeDataModel: { models: { View: { fields: [] } } }, _activeProvider: 'sqlite' }
    assert.throws(() => prisma(keyless as never, { app: 'shop' }), /the key of View is not known; say keys: \{ View/)
    const unknown = { _runtimeDataModel: { models: {} }, _activeProvider: 'mongodb' }
    assert.throws(() => prisma(unknown as never, { app: 'shop' }), /mongodb is not known; say dialect/)
    assert.equal(prisma(unknown as never, { app: 'shop', dialect: 'mysql' }).transactions?.dialect, 'mysql')
  })
})
