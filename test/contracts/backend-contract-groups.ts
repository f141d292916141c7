import assert from 'node:assert/strict'
import type { GroupPart, GroupProgress } from '../../src/backends/backend.ts'
import { OperationalError } from '../../src/errors.ts'
import { type DefineBackend, Ear, failure, fetchOne, ids, progress, success } from './backend-contract-tools.ts'
import { until } from '../support/until.ts'
import { sleep } from './contract.ts'

function part(index: number, result: unknown = index, taskId: string = `t${index}`): GroupPart {
  return { index, taskId, status: 'SUCCESS', result }
}

function progressOf(place: number, size?: number): GroupProgress {
  return { place, isFirst: true, size }
}

export function defineGroupTests(it: DefineBackend): void {
  it('gives each part of a group its place, and all of them in order', async ({ backend }) => {
    const broken = { ...failure('t1'), index: 1 }
    const failed = { index: 1, taskId: 't1', status: 'FAILURE', result: broken.result }
    assert.deepEqual(await backend.addGroupPart('g', part(2, { big: 2n ** 70n })), progressOf(1))
    assert.deepEqual(await backend.addGroupPart('g', part(10)), progressOf(2))
    assert.equal((await backend.addGroupPart('g', failed)).place, 3)
    assert.equal((await backend.addGroupPart('other', part(0))).place, 1)
    const expected = [failed, part(2, { big: 2n ** 70n }), part(10)]
    assert.deepEqual(await backend.groupParts('g'), expected)
    assert.deepEqual(await backend.groupParts('g'), expected)
    assert.deepEqual(await backend.groupParts('other'), [part(0)])
    assert.deepEqual(await backend.groupParts('unknown'), [])
  })

  it('gives parts of one index in the order of their tasks', async ({ backend }) => {
    for (const taskId of ['b', 'c', 'a']) await backend.addGroupPart('g', part(1, taskId, taskId))
    assert.deepEqual(
      (await backend.groupParts('g')).map(({ taskId }) => taskId),
      ['a', 'b', 'c'],
    )
  })

  it('counts a task once, with its last result, at the place that it had', async ({ backend }) => {
    await backend.addGroupPart('g', part(0, 'first'))
    await backend.addGroupPart('g', part(1))
    assert.equal((await backend.addGroupPart('g', part(0, 'second'))).place, 1)
    assert.equal((await backend.addGroupPart('g', part(1, 'again'))).place, 2)
    assert.deepEqual(await backend.groupParts('g'), [part(0, 'second'), part(1, 'again')])
    assert.equal((await backend.addGroupPart('g', part(2))).place, 3)
  })

  it('knows the attempt that reported a task first', async ({ backend }) => {
    const by = (token: string): Promise<GroupProgress> => backend.addGroupPart('g', { ...part(0), token })
    assert.deepEqual(
      [await by('one'), await by('two'), await by('one')].map(({ place, isFirst }) => [place, isFirst]),
      [
        [1, true],
        [1, false],
        [1, true],
      ],
    )
  })

  it('tells the size that a group was given, and what it was extended by, whatever comes first', async ({
    backend,
  }) => {
    await backend.setGroupSize('g', 2)
    assert.deepEqual(await backend.addGroupPart('g', part(0)), progressOf(1, 2))
    await backend.extendGroup('g', 'more')
    await backend.extendGroup('g', 'yet more')
    assert.deepEqual(await backend.addGroupPart('g', part(1)), progressOf(2, 4))
    await backend.extendGroup('h', 'more')
    assert.equal((await backend.addGroupPart('h', part(0))).size, undefined)
    await backend.setGroupSize('h', 1)
    assert.deepEqual(await backend.addGroupPart('h', part(0)), progressOf(1, 2))
  })

  it('remembers the tasks of a group until it is forgotten', async ({ backend, reopen }) => {
    await using other = await reopen()
    assert.equal(await backend.savedGroup('g'), undefined)
    await backend.saveGroup('g', ['a', 'b'])
    await backend.addGroupPart('g', part(0))
    await backend.closeGroup('g')
    assert.deepEqual(await other.savedGroup('g'), ['a', 'b'])
    await backend.saveGroup('empty', [])
    assert.deepEqual(await other.savedGroup('empty'), [])
    await backend.forgetGroup('g')
    await backend.forgetGroup('unknown')
    assert.equal(await other.savedGroup('g'), undefined)
  })

  it('gives a chord of which nothing was heard for long to one who asks, with what it misses', async ({
    backend,
    reopen,
  }) => {
    await using other = await reopen()
    await backend.setGroupSize('g', 3, 'the body')
    await backend.setGroupSize('group', 3)
    await backend.setGroupSize('closed', 3, 'another')
    await backend.closeGroup('closed')
    await backend.setGroupSize('closed', 3, 'another')
    await backend.extendGroup('g', 'more')
    assert.deepEqual(await other.idleGroups(800), [])
    await sleep(450)
    await backend.addGroupPart('g', part(0))
    await sleep(450)
    assert.deepEqual(await other.idleGroups(800), [])
    await sleep(850)
    // Where looks are apart, the first of them sees the new member.
    const idle = await until('it is idle', async () => {
      const [one, two] = await Promise.all([backend.idleGroups(800), other.idleGroups(800)])
      const found = [...one, ...two]
      return found.length > 0 && found
    })
    assert.deepEqual(idle, [{ groupId: 'g', body: 'the body', missing: 3 }])
    assert.deepEqual(await other.idleGroups(800), [])
    await backend.closeGroup('g')
    await sleep(850)
    assert.deepEqual(await other.idleGroups(800), [])
  })

  it('counts nobody any more in a group that is closed', async ({ backend }) => {
    await backend.addGroupPart('g', part(0))
    await backend.closeGroup('g')
    await backend.closeGroup('g')
    assert.deepEqual(await backend.groupParts('g'), [])
    assert.equal((await backend.addGroupPart('g', part(0))).place, 0)
    assert.equal((await backend.addGroupPart('g', part(1))).place, 0)
    assert.deepEqual(await backend.groupParts('g'), [])
  })

  it('gives each place once when many add at the same time', async ({ backend, reopen }) => {
    await using other = await reopen()
    const indexes = Array.from({ length: 200 }, (_, index) => index)
    const progress = await Promise.all(
      indexes.map((index) => (index % 2 ? backend : other).addGroupPart('g', part(index))),
    )
    assert.deepEqual(
      progress.map(({ place }) => place).toSorted((a, b) => a - b),
      indexes.map((index) => index + 1),
    )
    assert.deepEqual(
      await backend.groupParts('g'),
      indexes.map((index) => part(index)),
    )
  })

  it('gives a task one place when it is added twice at the same time', async ({ backend, reopen }) => {
    await using other = await reopen()
    const indexes = Array.from({ length: 50 }, (_, index) => index)
    const pairs = await Promise.all(
      indexes.map((index) => Promise.all([backend, other].map((one) => one.addGroupPart('g', part(index))))),
    )
    assert.ok(pairs.every(([one, two]) => one?.place === two?.place))
    assert.deepEqual(
      pairs.map(([one]) => one?.place ?? 0).toSorted((a, b) => a - b),
      indexes.map((index) => index + 1),
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
    assert.deepEqual(await backend.groupParts('gone'), [])
    assert.deepEqual(await backend.groupParts('renewed'), [part(0), part(1)])
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
    await assert.rejects(backend.groupParts('g'), OperationalError)
    await assert.rejects(backend.setGroupSize('g', 1), OperationalError)
    await assert.rejects(backend.extendGroup('g', 't'), OperationalError)
    await assert.rejects(backend.closeGroup('g'), OperationalError)
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
