import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chain, chord, group, TaskError, type AsyncResult } from '../../src/index.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer } from './python-processes.ts'

const { skip, open } = await findInterop()

describe('workflows over Python and TypeScript', { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer

  before(async () => {
    lab = await open({ typescriptSettings: { task_celeriac_queues: ['*'] } })
    python = await lab.startBoth()
  })
  after(() => lab[Symbol.asyncDispose]())

  const at = (queue: 'py' | 'ts', task: string, args: readonly unknown[], immutable = false) =>
    lab.app.signature(`${queue}.${task}`, args, { queue, immutable })

  it('a chain of ours goes through both and back, with the results of all steps', async () => {
    const result = await chain(
      at('py', 'add', [1, 2]),
      at('ts', 'add', [3]),
      at('py', 'add', [4]),
      at('ts', 'add', [5]),
    ).delay()
    assert.equal(await result.get({ timeout: '15s' }), 15)
    assert.equal(await result.parent?.get({ timeout: '15s' }), 10)
    assert.equal((await python.get(result.id)).value, 15)
  })

  it("a chain of Python's goes through both and back", async () => {
    const ids = await python.chain([
      ['ts.add', [1, 2], 'ts'],
      ['py.add', [3], 'py'],
      ['ts.add', [4], 'ts'],
      ['py.add', [5], 'py'],
    ])
    const values = await Promise.all(ids.map(async (id) => (await python.get(id)).value))
    assert.deepEqual(values, [15, 10, 6, 3])
  })

  it('a large chain goes on where Python sends what stands for its rest', async () => {
    // What comes after the first ten is kept.
    const steps = Array.from({ length: 30 }, (_, index) =>
      at(index === 9 ? 'py' : 'ts', 'add', index === 0 ? [0, 0] : [1]),
    )
    const result = (await chain(...(steps as never[])).delay()) as AsyncResult
    assert.equal(await result.get({ timeout: '15s' }), 29)
    const last = await python.meta(result.id)
    assert.deepEqual([last['parent_id'], last['result']], [result.parent?.id, 29])
  })

  for (const failing of ['py', 'ts'] as const) {
    it(`a chain of either ends at a step of ${failing} that fails, and its callback for errors is called`, async () => {
      const [ours, theirs] = [lab.key(), lab.key()]
      const key = failing === 'py' ? 'ts' : 'py'
      const result = await chain(at(key, 'add', [1, 2]), at(failing, 'fail', ['value'], true), at(key, 'same', []))
        .linkError(at(key, 'noted', [ours, 'failed'], true))
        .delay()
      await assert.rejects(result.get({ timeout: '15s' }), TaskError)
      const [last = ''] = await python.chain(
        [
          ['py.add', [1, 2], 'py'],
          [`${failing}.fail`, [], failing],
          ['ts.same', [], 'ts'],
        ],
        [`${key}.noted`, [theirs, 'failed'], key],
      )
      assert.equal((await python.get(last)).state, 'FAILURE')
      assert.deepEqual([await lab.waitForNotes(ours, 1), await lab.waitForNotes(theirs, 1)], [['failed'], ['failed']])
    })
  }

  it('a group of either has members of both', async () => {
    const ours = await group(at('py', 'add', [1, 2]), at('ts', 'add', [3, 4]), at('py', 'same', [5])).delay()
    assert.deepEqual(await ours.get({ timeout: '15s' }), [3, 7, 5])
    const theirs = await python.group([
      ['ts.add', [1, 2], 'ts'],
      ['py.add', [3, 4], 'py'],
      ['ts.same', [5], 'ts'],
    ])
    assert.deepEqual(theirs, [3, 7, 5])
  })

  for (const body of ['py', 'ts'] as const) {
    it(`a chord of either, with members of both, calls its body in ${body} once with all results, in order`, async () => {
      const members = Array.from({ length: 6 }, (_, index) => index)
      const ours = await chord(
        group(members.map((index) => at(index % 2 ? 'py' : 'ts', 'same', [index]))),
        at(body, 'same', []),
      ).delay()
      assert.deepEqual(await ours.get({ timeout: '15s' }), members)
      const header = members.map((index) =>
        index % 2 ? (['py.same', [index], 'py'] as const) : (['ts.same', [index], 'ts'] as const),
      )
      const theirs = await python.chord(header, [`${body}.sum`, [], body])
      assert.equal((await python.get(theirs)).value, 15)
    })

    it(`a chord of either whose member in ${body} fails, fails, and its callback for errors is called`, async () => {
      const [ours, theirs] = [lab.key(), lab.key()]
      const other = body === 'py' ? 'ts' : 'py'
      const failed = await chord(
        group(at(other, 'same', [1]), at(body, 'fail', ['value'])),
        at(other, 'sum', []).linkError(at(other, 'noted', [ours, 'failed'], true)),
      ).delay()
      await assert.rejects(failed.get({ timeout: '15s' }), TaskError)
      const id = await python.chord(
        [
          ['py.same', [1], 'py'],
          [`${body}.fail`, ['value'], body],
        ],
        [`${other}.sum`, [], other],
        [`${other}.noted`, [theirs, 'failed'], other],
      )
      assert.equal((await python.get(id)).state, 'FAILURE')
      assert.deepEqual([await lab.waitForNotes(ours, 1), await lab.waitForNotes(theirs, 1)], [['failed'], ['failed']])
    })
  }

  it('callbacks of the other language are called, for a result and for an error', async () => {
    const key = lab.key()
    await lab.app.send('py.same', [1], { queue: 'py', link: at('ts', 'noted', [key, 'a'], true) })
    await lab.app.send('py.fail', ['key'], { queue: 'py', linkError: at('ts', 'noted', [key, 'b'], true) })
    await python.sendLinked(['ts.same', [1], 'ts'], { link: ['py.noted', [key, 'c'], 'py'] })
    await python.sendLinked(['ts.fail', ['type'], 'ts'], { link_error: ['py.noted', [key, 'd'], 'py'] })
    assert.deepEqual((await lab.waitForNotes(key, 4)).toSorted(), ['a', 'b', 'c', 'd'])
  })
})
