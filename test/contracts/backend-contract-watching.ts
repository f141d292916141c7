import assert from 'node:assert/strict'
import type { TaskMeta } from '../../src/protocol/task-meta.ts'
import { type DefineBackend, Ear, failure, ids, progress, success } from './backend-contract-tools.ts'
import { sleep, uncaughtDuring, until } from './contract.ts'

export function defineWatchTests(it: DefineBackend): void {
  it('tells of each state that is stored, in order', async ({ backend }) => {
    const ear = new Ear()
    await backend.watch(['a'], ear.onMeta)
    const states = [
      { taskId: 'a', status: 'STARTED', result: { pid: 1 } },
      progress('a', 50),
      { ...failure('a'), status: 'RETRY', dateDone: undefined },
      success('a', 'done'),
    ]
    for (const [index, meta] of states.entries()) {
      await backend.store(meta)
      await ear.hearsSome(index + 1)
    }
    await ear.hears('a:STARTED', 'a:PROGRESS', 'a:RETRY', 'a:SUCCESS')
    assert.deepEqual(ear.heard[1]?.result, { done: 50 })
    assert.equal(ear.heard[3]?.result, 'done')
  })

  it('tells of what another connection stores', async ({ backend, reopen }) => {
    await using other = await reopen()
    const ear = new Ear()
    await backend.watch(['a'], ear.onMeta)
    await other.store(success('a', 7))
    await ear.hears('a:SUCCESS')
  })

  it('tells only of the tasks that are watched, from then on', async ({ backend }) => {
    const ear = new Ear()
    await backend.store(progress('a', 1))
    await backend.store(success('b', 1))
    await backend.watch(['a', 'b'], ear.onMeta)
    await backend.store(success('c', 1))
    await backend.store(success('a', 2))
    await ear.hears('a:SUCCESS')
    await sleep(50)
    await ear.hears('a:SUCCESS')
  })

  it('does not repeat to a second watcher what was stored before it', async ({ backend }) => {
    const [first, second] = [new Ear(), new Ear()]
    await backend.watch(['a'], first.onMeta)
    await backend.store(progress('a', 1))
    await backend.watch(['a'], second.onMeta)
    await backend.store(success('a', 2))
    await first.hearsSome(1)
    await second.hears('a:SUCCESS')
  })

  it('tells nothing of a state that was dropped after SUCCESS', async ({ backend }) => {
    const ear = new Ear()
    await backend.watch(['a', 'b'], ear.onMeta)
    await backend.store(success('a', 1))
    await backend.store(failure('a'))
    await backend.store(success('a', 2))
    await backend.store(success('b', 1))
    await ear.hears('a:SUCCESS', 'b:SUCCESS')
  })

  it('tells every watcher of a task, each with values of its own', async ({ backend }) => {
    const results: number[][] = []
    const onMeta = (meta: TaskMeta): void => {
      const list = meta.result as number[]
      list.push(list.length)
      results.push(list)
    }
    await backend.watch(['a'], onMeta)
    await backend.watch(['a'], onMeta)
    await backend.store(success('a', []))
    await until(
      () => results.length === 2,
      () => `two calls, got ${results.length}`,
    )
    assert.deepEqual(results, [[0], [0]])
  })

  it('stops one watcher and goes on with the others', async ({ backend }) => {
    const [gone, stays] = [new Ear(), new Ear()]
    const watch = await backend.watch(['a', 'b'], gone.onMeta)
    await backend.watch(['a'], stays.onMeta)
    await backend.store(progress('a', 1))
    await gone.hears('a:PROGRESS')
    await watch[Symbol.asyncDispose]()
    await watch[Symbol.asyncDispose]()
    await backend.store(success('a', 2))
    await stays.hears('a:PROGRESS', 'a:SUCCESS')
    await gone.hears('a:PROGRESS')
  })

  it('tells a watcher nothing once its disposal is done', async ({ backend }) => {
    const ear = new Ear()
    const watch = await backend.watch(['a'], ear.onMeta)
    const stored = [1, 2, 3].map((done) => backend.store(progress('a', done)))
    if (stored[0]) await stored[0]
    await watch[Symbol.asyncDispose]()
    const count = ear.heard.length
    await Promise.all(stored)
    await sleep(30)
    assert.equal(ear.heard.length, count)
  })

  it('watches again after the last watcher stopped', async ({ backend }) => {
    const [first, second] = [new Ear(), new Ear()]
    const watch = await backend.watch(['a'], first.onMeta)
    await watch[Symbol.asyncDispose]()
    await backend.store(progress('a', 1))
    await backend.watch(['a'], second.onMeta)
    await backend.store(success('a', 2))
    await second.hears('a:SUCCESS')
    assert.deepEqual(first.states, [])
  })

  it('may skip a state but never the last, and invents none', async ({ backend, reopen }) => {
    await using other = await reopen()
    const ear = new Ear()
    await backend.watch(['a', 'b'], ear.onMeta)
    for (let done = 0; done < 200; done++) {
      const stored = other.store(progress('a', done))
      if (done % 10 === 0) await stored
    }
    await Promise.all([other.store(success('a')), other.store(success('b'))])
    await until(
      () => ear.states.includes('b:SUCCESS'),
      () => 'the last state',
    )
    const steps = ear.heard
      .filter((meta) => meta.status === 'PROGRESS')
      .map((meta) => (meta.result as { done: number }).done)
    assert.deepEqual(
      steps,
      [...new Set(steps)].toSorted((a, b) => a - b),
    )
    assert.deepEqual(
      ear.states.filter((state) => !state.endsWith('PROGRESS')),
      ['a:SUCCESS', 'b:SUCCESS'],
    )
  })

  it('misses nothing when one fetches after watching', async ({ backend, reopen }) => {
    await using other = await reopen()
    const taskIds = ids(300)
    const done = new Set<string>()
    const storing = (async () => {
      for (const taskId of taskIds) await other.store(success(taskId))
    })()
    for (const taskId of taskIds) {
      await backend.watch([taskId], (meta) => done.add(meta.taskId))
      const [meta] = await backend.fetch([taskId])
      if (meta) done.add(taskId)
    }
    await storing
    await until(
      () => done.size === 300,
      () => `300 results, got ${done.size}`,
    )
  })

  it('watches 10,000 tasks at once', async ({ backend, reopen }) => {
    await using other = await reopen()
    const taskIds = ids(10_000)
    const ear = new Ear()
    const watch = await backend.watch(taskIds, ear.onMeta)
    const stored = taskIds.filter((_, index) => index % 5 === 0)
    for (let from = 0; from < stored.length; from += 100) {
      await Promise.all(stored.slice(from, from + 100).map((taskId) => other.store(success(taskId))))
    }
    await ear.hears(...stored.map((taskId) => `${taskId}:SUCCESS`))
    await watch[Symbol.asyncDispose]()
  })

  it('tells of thousands that are stored in one turn', async ({ backend }) => {
    const taskIds = ids(2000)
    const ear = new Ear()
    await backend.watch(taskIds, ear.onMeta)
    await Promise.all(taskIds.map((taskId) => backend.store(success(taskId))))
    await ear.hears(...taskIds.map((taskId) => `${taskId}:SUCCESS`))
  })

  it('takes an empty list of tasks', async ({ backend }) => {
    const ear = new Ear()
    const watch = await backend.watch([], ear.onMeta)
    await backend.store(success('a'))
    await watch[Symbol.asyncDispose]()
    assert.deepEqual(ear.states, [])
  })

  it('lets the error of a watcher surface and goes on with it and the others', async ({ backend }) => {
    const ear = new Ear()
    await backend.watch(['a'], () => {
      throw new Error('a bug in the watcher')
    })
    await backend.watch(['a'], ear.onMeta)
    const errors = await uncaughtDuring(2, async () => {
      await backend.store(progress('a', 1))
      await ear.hearsSome(1)
      await backend.store(success('a'))
    })
    await ear.hears('a:PROGRESS', 'a:SUCCESS')
    assert.match(String(errors[0]), /a bug in the watcher/)
  })
}
