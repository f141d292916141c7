import assert from 'node:assert/strict'
import { EncodeError } from '../../src/errors.ts'
import type { TaskMeta } from '../../src/protocol/task-meta.ts'
import { type DefineBackend, failure, fetchOne, ids, known, progress, success } from './backend-contract-tools.ts'

export function defineResultTests(it: DefineBackend): void {
  it('keeps a result as it was stored', async ({ backend }) => {
    const meta: TaskMeta = {
      taskId: 'a',
      status: 'SUCCESS',
      result: { total: 3, items: [{ name: 'żółć\u0000', ok: true, none: null }] },
      children: ['b', 'c'],
      dateDone: new Date('2026-11-20T08:35:50.663Z'),
      groupId: 'g',
      parentId: 'p',
    }
    await backend.store(meta)
    assert.deepEqual(known(await fetchOne(backend, 'a')), meta)
  })

  it('keeps dates, bytes and big integers', async ({ backend }) => {
    const result = { at: new Date(1e12), bytes: new Uint8Array([0, 255, 128]), big: [2n ** 70n, -(2n ** 64n)] }
    await backend.store(success('a', result))
    const kept = (await fetchOne(backend, 'a'))?.result as typeof result
    assert.deepEqual({ ...kept, bytes: [...kept.bytes] }, { ...result, bytes: [0, 255, 128] })
  })

  it('keeps a result of 5 MB', async ({ backend }) => {
    const result = 'x'.repeat(5_000_000)
    await backend.store(success('a', result))
    assert.ok((await fetchOne(backend, 'a'))?.result === result)
  })

  it('keeps what a task threw, described', async ({ backend }) => {
    await backend.store(failure('a', 'no such row'))
    const meta = await fetchOne(backend, 'a')
    assert.equal(meta?.status, 'FAILURE')
    assert.deepEqual(meta.result, failure('a', 'no such row').result)
    assert.match(meta.traceback ?? '', /^TypeError/)
  })

  it('keeps states of the task itself', async ({ backend }) => {
    await backend.store(progress('a', 50))
    assert.deepEqual(known(await fetchOne(backend, 'a')), progress('a', 50))
  })

  it('keeps name, arguments and worker only where it was opened for that', async ({ backend, reopen }) => {
    await using extending = await reopen({ extended: true })
    const extended = { name: 'demo.add', args: [1, 2n ** 70n], kwargs: {}, worker: 'w@host', retries: 1, queue: 'q' }
    await backend.store({ ...success('plain'), extended })
    await extending.store({ ...success('full'), extended })
    assert.equal((await fetchOne(extending, 'plain'))?.extended, undefined)
    assert.deepEqual((await fetchOne(backend, 'full'))?.extended, extended)
  })

  it('shares no object with those who store and fetch', async ({ backend }) => {
    const result = { list: [1] }
    const stored = backend.store(success('a', result))
    result.list.push(2)
    await stored
    const first = (await fetchOne(backend, 'a'))?.result as { list: number[] }
    first.list.push(3)
    assert.deepEqual((await fetchOne(backend, 'a'))?.result, { list: [1] })
  })

  it('refuses a result that is no data and keeps the others of the turn', async ({ backend }) => {
    const [good, bad, late] = await Promise.allSettled([
      backend.store(success('a', 1)),
      backend.store(success('b', () => 1)),
      backend.store(success('c', 3)),
    ])
    assert.deepEqual([good.status, bad.status, late.status], ['fulfilled', 'rejected', 'fulfilled'])
    assert.ok(bad.status === 'rejected' && bad.reason instanceof EncodeError)
    assert.deepEqual(
      (await backend.fetch(['a', 'b', 'c'])).map((meta) => meta?.result),
      [1, undefined, 3],
    )
  })

  it('fetches in the order asked for, with undefined where nothing is known', async ({ backend }) => {
    await backend.store(success('a', 1))
    await backend.store(success("b'ż", 2))
    const metas = await backend.fetch(["b'ż", 'unknown', 'a', "b'ż"])
    assert.deepEqual(
      metas.map((meta) => meta?.result),
      [2, undefined, 1, 2],
    )
    assert.deepEqual(await backend.fetch([]), [])
  })

  it('stores and fetches thousands in one turn', async ({ backend, reopen }) => {
    await using other = await reopen()
    const taskIds = ids(3000)
    await Promise.all(taskIds.map((taskId, index) => backend.store(success(taskId, index))))
    const metas = await other.fetch(taskIds)
    assert.deepEqual(
      metas.map((meta) => meta?.result),
      [...taskIds.keys()],
    )
  })

  it('replaces a state with the next, also after a failure', async ({ backend }) => {
    const states: TaskMeta[] = [
      { taskId: 'a', status: 'STARTED', result: { pid: 1 } },
      progress('a', 1),
      failure('a'),
      { taskId: 'a', status: 'STARTED', result: { pid: 2 } },
      success('a', 'done'),
    ]
    for (const meta of states) {
      await backend.store(meta)
      assert.deepEqual(known(await fetchOne(backend, 'a')), known(meta))
    }
  })

  it('keeps the last of several states that are stored in one turn', async ({ backend }) => {
    await Promise.all([1, 2, 3].map((done) => backend.store(progress('a', done))))
    assert.deepEqual((await fetchOne(backend, 'a'))?.result, { done: 3 })
  })

  it('drops every state after SUCCESS', async ({ backend, reopen }) => {
    await using other = await reopen()
    await backend.store(success('a', 'first'))
    await backend.store(success('a', 'second'))
    await other.store(failure('a'))
    await other.store({ taskId: 'a', status: 'RETRY', result: failure('a').result })
    await Promise.all([backend.store(progress('a', 1)), other.store({ taskId: 'a', status: 'REVOKED', result: null })])
    assert.equal((await fetchOne(backend, 'a'))?.result, 'first')
  })

  it('drops what comes after SUCCESS in the same turn', async ({ backend }) => {
    await Promise.all([
      backend.store(progress('a', 1)),
      backend.store(success('a', 'done')),
      backend.store(failure('a')),
    ])
    assert.equal((await fetchOne(backend, 'a'))?.result, 'done')
  })

  it('lets one of two attempts succeed, and it stays so for everybody', async ({ backend, reopen }) => {
    await using other = await reopen()
    const taskIds = ids(200)
    const seen = await Promise.all(
      taskIds.map(async (taskId, index) => {
        const [one, two] = index % 2 ? [backend, other] : [other, backend]
        await Promise.race([one.store(success(taskId, 'one')), two.store(success(taskId, 'two'))])
        const meta = await fetchOne(two, taskId)
        await Promise.all([one.store(failure(taskId)), two.store(success(taskId, 'three'))])
        return meta?.result
      }),
    )
    for (const reader of [backend, other]) {
      assert.deepEqual(
        (await reader.fetch(taskIds)).map((meta) => meta?.result),
        seen,
      )
    }
  })

  it('forgets a task, which may then begin anew', async ({ backend }) => {
    await backend.store(success('a', 1))
    await backend.store(success('b', 2))
    await backend.forget('a')
    await backend.forget('unknown')
    assert.deepEqual(
      (await backend.fetch(['a', 'b'])).map((meta) => meta?.result),
      [undefined, 2],
    )
    await backend.store(failure('a'))
    assert.equal((await fetchOne(backend, 'a'))?.status, 'FAILURE')
  })

  it('keeps the order of store, forget and store in one turn', async ({ backend }) => {
    await Promise.all([backend.store(success('a', 1)), backend.forget('a'), backend.store(success('a', 2))])
    assert.equal((await fetchOne(backend, 'a'))?.result, 2)
  })
}
