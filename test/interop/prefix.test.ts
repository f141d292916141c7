import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TaskRevoked } from '../../src/index.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer } from './python-processes.ts'

const { skip, open } = await findInterop()

/** Options that both sides must have alike, here all unlike their defaults. */
const options = {
  global_keyprefix: 'shop:',
  priority_steps: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  sep: ':',
  fanout_prefix: '/{db}-shop.',
  queue_order_strategy: 'priority',
}

describe('Python and TypeScript with a prefix, another database and all priorities', { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer

  before(async () => {
    lab = await open({
      db: 3,
      settings: {
        broker_transport_options: options,
        result_backend_transport_options: { global_keyprefix: 'results:' },
      },
      pythonSettings: { broadcast: 'news' },
      typescriptSettings: { task_broadcast_queues: ['news'] },
    })
    const [producer] = await Promise.all([
      lab.startProducer(),
      lab.startPythonWorker({ queues: 'py,news' }),
      lab.startWorker({ queues: ['ts', 'news'] }),
    ])
    python = producer
  })
  after(() => lab[Symbol.asyncDispose]())

  it('call each other and get the results', async () => {
    const result = await lab.app.send('py.same', [1], { queue: 'py' })
    assert.equal(await result.get({ timeout: '15s' }), 1)
    const id = await python.send('ts.same', [2])
    assert.equal((await python.get(id)).value, 2)
    assert.equal(await lab.run('EXISTS', `results:celery-task-meta-${id}`), 1)
  })

  it('agree on every one of the ten priorities', async () => {
    const ids: string[] = []
    for (const priority of [3, 9, 0, 5, 4, 1, 8]) {
      ids[priority] = (await lab.app.send('py.same', [1], { queue: 'drained', priority })).id
    }
    const highestFirst = ids.filter((id) => id).toReversed()
    assert.deepEqual(await python.drain('drained', 7), highestFirst)
  })

  it('revoke in both directions', async () => {
    const key = lab.key()
    const ours = await lab.app.send('py.noted', [key], { queue: 'py', countdown: '600ms' })
    const theirs = await python.send('ts.noted', [key], { countdown: 0.6 })
    const last = await lab.app.send('py.noted', [key, 'last'], { queue: 'py', countdown: '700ms' })
    await ours.revoke()
    await python.revoke(theirs)
    await assert.rejects(ours.get({ timeout: '15s' }), TaskRevoked)
    assert.equal((await python.get(theirs)).type, 'TaskRevokedError')
    await last.get({ timeout: '15s' })
    assert.deepEqual(await lab.notes(key), ['last'])
  })

  it('broadcast in both directions', async () => {
    const [ours, theirs] = [lab.key(), lab.key()]
    await lab.app.send('both.noted', [ours], { queue: 'news' })
    await python.sendBroadcast('both.noted', [theirs], 'news')
    for (const key of [ours, theirs]) assert.deepEqual((await lab.waitForNotes(key, 2)).toSorted(), ['py', 'ts'])
  })

  it('leave nothing outside of their prefixes but the notes of the tests', async () => {
    const keys = (await lab.run('KEYS', '*')) as string[]
    const others = keys.filter((key) => !/^(shop:|results:|notes:)/.test(key))
    assert.deepEqual(others, [])
  })
})
