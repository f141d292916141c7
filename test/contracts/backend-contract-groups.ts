import assert from 'node:assert/strict'
import type { GroupPart } from '../../src/backends/backend.ts'
import { OperationalError } from '../../src/errors.ts'
import { type DefineBackend, Ear, failure, fetchOne, ids, progress, success } from './backend-contract-tools.ts'
import { sleep } from './contract.ts'

function part(index: number, result: unknown = index, taskId: string = `t${index}`): GroupPart {
  return { index, taskId, status: 'SUCCESS', result }
}

export function defineGroupTests(it: DefineBackend): void {
  it('counts the parts of a group and gives them back in order', async ({ backend }) => {
    const broken = { ...failure('t1'), index: 1 }
    assert.equal(await backend.addGroupPart('g', part(2, { big: 2n ** 70n })), 1)
    assert.equal(await backend.addGroupPart('g', part(10)), 2)
    assert.equal(
      await backend.addGroupPart('g', { index: 1, taskId: 't1', status: 'FAILURE', result: broken.result }),
      3,
    )
    assert.equal(await backend.addGroupPart('other', part(0)), 1)
    assert.deepEqual(await backend.takeGroupParts('g'), [
      { index: 1, taskId: 't1', status: 'FAILURE', result: broken.result },
      part(2, { big: 2n ** 70n }),
      part(10),
    ])
    assert.deepEqual(await backend.takeGroupParts('other'), [part(0)])
  })

  it('counts a task once, with its last result', async ({ backend }) => {
    await backend.addGroupPart('g', part(0, 'first'))
    await backend.addGroupPart('g', part(1))
    assert.equal(await backend.addGroupPart('g', part(0, 'second')), 2)
    assert.deepEqual(await backend.takeGroupParts('g'), [part(0, 'second'), part(1)])
  })

  it('forgets a group that was taken', async ({ backend }) => {
    await backend.addGroupPart('g', part(0))
    await backend.takeGroupParts('g')
    assert.deepEqual(await backend.takeGroupParts('g'), [])
    assert.deepEqual(await backend.takeGroupParts('unknown'), [])
    assert.equal(await backend.addGroupPart('g', part(1)), 1)
    assert.deepEqual(await backend.takeGroupParts('g'), [part(1)])
  })

  it('gives each number once when many add at the same time', async ({ backend, reopen }) => {
    await using other = await reopen()
    const indexes = Array.from({ length: 200 }, (_, index) => index)
    const counts = await Promise.all(
      indexes.map((index) => (index % 2 ? backend : other).addGroupPart('g', part(index))),
    )
    assert.deepEqual(
      counts.toSorted((a, b) => a - b),
      indexes.map((index) => index + 1),
    )
    assert.deepEqual(
      await backend.takeGroupParts('g'),
      indexes.map((index) => part(index)),
    )
  })

  it('counts right when the same parts are added twice at the same time', async ({ backend, reopen }) => {
    await using other = await reopen()
    const indexes = Array.from({ length: 50 }, (_, index) => index)
    await Promise.all(indexes.flatMap((index) => [backend, other].map((one) => one.addGroupPart('g', part(index)))))
    assert.equal(await backend.addGroupPart('g', part(0)), 50)
  })

  it('gives the parts to one of those who take them at the same time', async ({ backend, reopen }) => {
    await using other = await reopen()
    for (const index of [0, 1, 2]) await backend.addGroupPart('g', part(index))
    const taken = await Promise.all([backend, other, backend, other].map((one) => one.takeGroupParts('g')))
    assert.deepEqual(
      taken.map((parts) => parts.length).toSorted((a, b) => a - b),
      [0, 0, 0, 3],
    )
  })
}

export function defineExpiryTests(it: DefineBackend): void {
  it('knows nothing of a result that expired, before and after it is deleted', async ({ backend, reopen }) => {
    await using short = await reopen({ expiresMs: 30 })
    await backend.store(success('long'))
    await short.store(success('short'))
    await sleep(60)
    assert.equal(await fetchOne(backend, 'short'), undefined)
    assert.equal(await backend.deleteExpired(), 1)
    assert.equal(await backend.deleteExpired(), 0)
    assert.equal(await fetchOne(backend, 'short'), undefined)
    assert.equal((await fetchOne(short, 'long'))?.status, 'SUCCESS')
  })

  it('deletes thousands that expired and leaves the others', async ({ backend, reopen }) => {
    await using short = await reopen({ expiresMs: 1 })
    const taskIds = ids(5000)
    await Promise.all(taskIds.map((taskId, index) => (index % 5 ? short : backend).store(success(taskId, index))))
    await sleep(20)
    assert.equal(await backend.deleteExpired(), 4000)
    const left = (await backend.fetch(taskIds)).filter((meta) => meta !== undefined)
    assert.equal(left.length, 1000)
  })

  it('keeps a result longer when its state is stored again', async ({ backend, reopen }) => {
    await using short = await reopen({ expiresMs: 30 })
    await short.store(progress('a', 1))
    await backend.store(progress('a', 2))
    await sleep(60)
    assert.equal(await backend.deleteExpired(), 0)
    assert.deepEqual((await fetchOne(backend, 'a'))?.result, { done: 2 })
  })

  it('keeps results for ever without a time', async ({ reopen }) => {
    await using eternal = await reopen({ expiresMs: undefined })
    await eternal.store(success('a'))
    await sleep(10)
    assert.equal(await eternal.deleteExpired(), 0)
    assert.equal((await fetchOne(eternal, 'a'))?.status, 'SUCCESS')
  })

  it('lets a task begin anew after its SUCCESS expired', async ({ backend, reopen }) => {
    await using short = await reopen({ expiresMs: 20 })
    await short.store(success('a'))
    await sleep(50)
    await backend.store(progress('a', 1))
    assert.equal((await fetchOne(backend, 'a'))?.status, 'PROGRESS')
  })

  it('deletes the parts of groups that expired', async ({ backend, reopen }) => {
    await using short = await reopen({ expiresMs: 30 })
    const indexes = Array.from({ length: 1200 }, (_, index) => index)
    await Promise.all(indexes.map((index) => short.addGroupPart('gone', part(index))))
    await short.addGroupPart('renewed', part(0))
    await backend.addGroupPart('renewed', part(1))
    await sleep(60)
    assert.equal(await backend.deleteExpired(), 1200)
    assert.deepEqual(await backend.takeGroupParts('gone'), [])
    assert.deepEqual(await backend.takeGroupParts('renewed'), [part(0), part(1)])
  })
}

export function defineLifeTests(it: DefineBackend): void {
  it('keeps what was stored before it was disposed of, twice', async ({ backend, reopen }) => {
    const other = await reopen()
    const stored = other.store(success('a', 1))
    await Promise.all([stored, other[Symbol.asyncDispose](), other[Symbol.asyncDispose]()])
    assert.equal((await fetchOne(backend, 'a'))?.result, 1)
  })

  it('refuses to work after it was disposed of', async ({ reopen }) => {
    const backend = await reopen()
    await backend[Symbol.asyncDispose]()
    await assert.rejects(backend.store(success('a')), OperationalError)
    await assert.rejects(backend.fetch(['a']), OperationalError)
    await assert.rejects(
      backend.watch(['a'], () => {}),
      OperationalError,
    )
    await assert.rejects(backend.forget('a'), OperationalError)
    await assert.rejects(backend.addGroupPart('g', part(0)), OperationalError)
    await assert.rejects(backend.takeGroupParts('g'), OperationalError)
    await assert.rejects(backend.deleteExpired(), OperationalError)
  })

  it('ends its watches when it is disposed of, and those of others go on', async ({ backend, reopen }) => {
    const other = await reopen()
    const [gone, stays] = [new Ear(), new Ear()]
    const watch = await other.watch(['a'], gone.onMeta)
    await backend.watch(['a'], stays.onMeta)
    await other[Symbol.asyncDispose]()
    await backend.store(success('a'))
    await stays.hears('a:SUCCESS')
    assert.deepEqual(gone.states, [])
    await watch[Symbol.asyncDispose]()
  })
}
