import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chord, group, restoreGroup, type AnySignature, type AsyncResult } from '../../src/index.ts'
import { failure, fetchOne } from '../contracts/backend-contract-tools.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer } from './python-processes.ts'

const soon = { timeout: '15s' } as const
const value = { text: 'ümläut', list: [1, -2.5, true, null, [2 ** 40]], nested: { yes: 'no', date: '2026-11-20' } }

for (const serializer of ['msgpack', 'yaml']) {
  const { skip, open } = await findInterop()
  describe(`results in ${serializer}, of Python and TypeScript`, { skip }, () => {
    let lab: InteropLab
    let python: PythonProducer

    before(async () => {
      lab = await open({ settings: { result_serializer: serializer, result_accept_content: [serializer] } })
      const [producer] = await Promise.all([lab.startProducer(), lab.startPythonWorker(), lab.startWorker()])
      python = producer
    })
    after(() => lab[Symbol.asyncDispose]())

    it('values and errors are read by either', async () => {
      assert.deepEqual(await python.result('ts.same', [value]), value)
      const result = await lab.app.send('py.same', [value], { queue: 'py' })
      assert.deepEqual(await result.get(soon), value)
      const stored = String(await lab.run('GET', `celery-task-meta-${result.id}`))
      assert.match(stored, serializer === 'yaml' ? /^status: SUCCESS$/m : /^[^{]+status.SUCCESS/)
      const outcome = await python.get(await python.send('ts.fail', ['custom']))
      assert.deepEqual([outcome.state, outcome.type, outcome.args], ['FAILURE', 'CustomError', ['first']])
      await assert.rejects(
        (await lab.app.send('both.fail', [], { queue: 'py' })).get(soon),
        /ValueError: no such thing/,
      )
    })

    it('a success of Python is final for us', async () => {
      const result = await lab.app.send('py.same', [['status: SUCCESS', '\nstatus: SUCCESS\n']], { queue: 'py' })
      await result.get(soon)
      const backend = await lab.app.openBackend()
      await backend.store(failure(result.id))
      assert.equal((await fetchOne(backend, result.id))?.status, 'SUCCESS')
    })

    it('members of chords count for either, and saved groups are found', async () => {
      const add = (x: number, queue: string) => [`both.add`, [x, 1], queue] as const
      const id = await python.chord([add(1, 'ts'), add(2, 'py'), add(3, 'ts')], ['both.sum', [], 'py'])
      assert.equal((await python.get(id)).value, 9)
      const { app } = lab
      const members = ['ts', 'py', 'ts'].map((queue) => app.signature('both.add', [1, 1], { queue }))
      const sum = app.signature('both.sum', [], { queue: 'ts' })
      const ours = chord(group(...members) as never, sum as never) as AnySignature
      assert.equal(await ((await ours.applyAsync([])) as AsyncResult<number>).get(soon), 6)
      const saved = await python.savedGroup([add(5, 'ts'), add(6, 'py')])
      assert.deepEqual(await (await restoreGroup(saved, app))?.get(soon), [6, 7])
    })

    const writesAll = serializer === 'yaml' && 'it can write all that JSON can carry to a task'
    it('a value that it cannot write fails the task, saying where it stands', { skip: writesAll }, async () => {
      const result = await lab.app.send('ts.same', [{ at: [new Date()] }], { queue: 'ts' })
      await assert.rejects(
        result.get(soon),
        /EncodeError: \$\.result\.at\[0\] is a Date, which kombu has not in msgpack/,
      )
    })
  })
}
