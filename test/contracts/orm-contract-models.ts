import assert from 'node:assert/strict'
import {
  EncodeError,
  Ignore,
  InvalidArguments,
  RowMissing,
  RowNotYetVisible,
  UnidentifiableInstance,
  UnknownModel,
} from '../../src/errors.ts'
import { ModelReference } from '../../src/protocol/model-reference.ts'
import { columns, newUser, renameUser, type DefineOrm, type ModelLab, type UserRow } from './orm-contract-tools.ts'

async function roundTrip<T>({ models }: ModelLab, value: T): Promise<T> {
  return (await models.load(models.toReferences(value))) as T
}

export function defineModelTests(it: DefineOrm): void {
  defineSending(it)
  defineLoading(it)
  defineFreshness(it)
}

function defineSending(it: DefineOrm): void {
  it('sends label and key of an instance at any depth, and nothing else of it', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const seat = await lab.create('Seat', { row: 3, seat: 'B', holder: 'Ada' })
    const sent = lab.models.toReferences([{ list: [user, 1], text: 'Ada' }, seat])
    assert.deepEqual(sent, [
      { list: [new ModelReference('shop.User', user.id, { v: user.version }), 1], text: 'Ada' },
      new ModelReference('shop.Seat', [3, 'B']),
    ])
  })

  it('leaves a value without models alone, the very object', async ({ models }) => {
    const value = [{ a: [1, 'two', null, new Date(0)], b: new Map([[1, 2]]) }]
    assert.equal(models.toReferences(value), value)
    assert.equal(await models.load(value), value)
  })

  it('leaves the caller objects as they were', async (lab) => {
    const value = { user: await newUser(lab, 'Ada'), rest: { n: 1 } }
    const sent = lab.models.toReferences(value)
    assert.equal(lab.adapter.identify(value.user)?.model.label, 'shop.User')
    assert.equal(sent.rest, value.rest)
  })

  it('refuses an instance that is not saved, and names its place', async ({ models, classes }) => {
    if (!classes) return
    assert.throws(
      () => models.toReferences([{ who: [new classes.User()] }]),
      (error: Error) =>
        error instanceof UnidentifiableInstance && /\$\[0\]\.who\[0\].*shop\.User has no id/.test(error.message),
    )
  })

  it('refuses a value that contains itself', async ({ models }) => {
    const loop: { inner?: unknown } = {}
    loop.inner = [loop]
    assert.throws(() => models.toReferences(loop), EncodeError)
  })

  it('sends a reference by class or by label, also to models that only the worker knows', async ({
    models,
    classes,
  }) => {
    const refs = [classes ? models.ref(classes.User, 7) : models.ref('shop.User', 7), models.ref('py.Order', 'x')]
    assert.deepEqual(models.toReferences<unknown>(refs), [
      new ModelReference('shop.User', 7),
      new ModelReference('py.Order', 'x'),
    ])
    assert.throws(() => models.ref('shop.Seat', 1), InvalidArguments)
    assert.throws(() => models.ref('noDot', 1), InvalidArguments)
    assert.throws(() => models.ref(Date, 1), InvalidArguments)
  })

  it('marks references as committed when the message leaves after the commit', async (lab) => {
    const user = await newUser(lab, 'Ada')
    await lab.transaction(async () => {
      const [sent] = lab.models.toReferences([user], '$', { committed: true }) as unknown as [ModelReference]
      assert.equal(sent.extra.c, 1)
    })
  })

  it('loads a reference when asked', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const ref = lab.models.ref<UserRow>('shop.User', user.id)
    assert.equal((await ref.load()).name, 'Ada')
    assert.deepEqual([ref.label, ref.key], ['shop.User', user.id])
    await assert.rejects(lab.models.ref('shop.User', -1).load(), RowMissing)
  })
}

function defineLoading(it: DefineOrm): void {
  it('gives instances of the model, equal to the row and not those of the sender', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const [loaded] = await roundTrip(lab, [user])
    assert.equal(lab.adapter.identify(loaded)?.model.label, 'shop.User')
    if (lab.classes) assert.ok(loaded instanceof lab.classes.User)
    assert.notEqual(loaded, user)
    assert.deepEqual(columns(loaded), columns(user))
  })

  it('gives the same object wherever one row is named, also by another form of its key', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const byText = new ModelReference('shop.User', String(user.id))
    const [first, { again }, third] = (await lab.models.load(
      lab.models.toReferences([user, { again: [user] }, byText]),
    )) as [UserRow, { again: [UserRow] }, UserRow]
    assert.equal(first, again[0])
    assert.equal(first, third)
  })

  it('finds an alias and a label in another case', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const refs = [new ModelReference('shop.Person', id), new ModelReference('shop.user', id)]
    const [first, second] = (await lab.models.load(refs)) as [UserRow, UserRow]
    assert.equal(first.name, 'Ada')
    assert.equal(first, second)
  })

  it('refuses labels that are not registered, and keys that are none', async ({ models }) => {
    await assert.rejects(models.load(new ModelReference('shop.Nobody', 1)), UnknownModel)
    await assert.rejects(models.load(new ModelReference('shop.User', 1, { db: 'elsewhere' })), UnknownModel)
    const odd = { $gt: 0 } as unknown as string
    await assert.rejects(models.load(new ModelReference('shop.User', odd)), InvalidArguments)
    await assert.rejects(models.load(new ModelReference('shop.User', [1, 2])), InvalidArguments)
  })

  it('keeps a key named __proto__ data', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const value = JSON.parse('{"__proto__":{"polluted":true},"user":0}') as Record<string, unknown>
    value['user'] = new ModelReference('shop.User', id)
    const loaded = (await lab.models.load(value)) as Record<string, unknown>
    assert.equal((loaded as { polluted?: boolean }).polluted, undefined)
    assert.ok(Object.hasOwn(loaded, '__proto__'))
  })
}

function defineFreshness(it: DefineOrm): void {
  it('gives the row as it is now, not as it was at the call', async (lab) => {
    const user = await newUser(lab, 'before')
    const sent = lab.models.toReferences([user])
    await renameUser(lab, user.id, 'after')
    const [loaded] = (await lab.models.load(sent)) as unknown as [UserRow]
    assert.equal(loaded.name, 'after')
  })

  it('waits for a row whose transaction commits within the grace', async (lab) => {
    await newUser(lab, 'other')
    const loading = lab.models.load(new ModelReference('shop.User', 4711), { grace: '20s' })
    await new Promise((resolve) => setTimeout(resolve, 60))
    await lab.database.execute(`INSERT INTO users (id, name, version) VALUES (4711, 'late', 1)`)
    assert.equal(((await loading) as UserRow).name, 'late')
  })

  it('waits for the version that the sender saw, and says so when it does not come', async (lab) => {
    const user = await newUser(lab, 'Ada')
    const newer = new ModelReference('shop.User', user.id, { v: user.version + 1 })
    await assert.rejects(lab.models.load(newer, { grace: 0 }), RowNotYetVisible)
    const loading = lab.models.load(newer, { grace: '20s' })
    await new Promise((resolve) => setTimeout(resolve, 60))
    await renameUser(lab, user.id, 'newer')
    assert.equal(((await loading) as UserRow).name, 'newer')
  })

  it('knows a row that was committed before the call and is missing as gone, at once', async ({ models }) => {
    const gone = new ModelReference('shop.User', -1, { c: 1 })
    await assert.rejects(models.load(gone, { grace: '1h', signal: AbortSignal.timeout(10_000) }), RowMissing)
  })

  it('knows a missing row as gone when the message is older than the grace', async ({ models }) => {
    const sentAt = new Date(Date.now() - 60_000)
    await assert.rejects(
      models.load([new ModelReference('shop.User', -1)], { grace: '30s', sentAt }),
      /shop\.User\(-1\)/,
    )
  })

  it('follows the policy for missing rows', async (lab) => {
    const { id } = await newUser(lab, 'Ada')
    const refs = [new ModelReference('shop.User', -1), new ModelReference('shop.User', id)]
    const [nothing, user] = (await lab.models.load(refs, { grace: 0, missing: 'null' })) as [null, UserRow]
    assert.equal(nothing, null)
    assert.equal(user.name, 'Ada')
    await assert.rejects(lab.models.load(refs, { grace: 0, missing: 'discard' }), Ignore)
    await assert.rejects(lab.models.load(refs, { grace: 0, missing: 'retry' }), RowNotYetVisible)
    await assert.rejects(lab.models.load(refs, { grace: 0, missing: 'error' }), RowMissing)
  })

  it('stops waiting when the task is told to stop', async ({ models }) => {
    const stop = new AbortController()
    const loading = models.load(new ModelReference('shop.User', -1), { grace: '1h', signal: stop.signal })
    stop.abort(new Error('told to stop'))
    await assert.rejects(loading, (error: Error) => /told to stop|aborted/.test(error.message))
  })
}
