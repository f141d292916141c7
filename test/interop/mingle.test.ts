import assert from 'node:assert/strict'
import os from 'node:os'
import { after, before, describe, it } from 'node:test'
import { until } from '../support/until.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'

const { skip, open } = await findInterop()
const ours = `ts@${os.hostname()}`

describe('what workers of Python and TypeScript tell each other when they start', { skip }, () => {
  let lab: InteropLab

  before(async () => {
    lab = await open()
  })
  after(() => lab[Symbol.asyncDispose]())

  it('a revoke that a worker of Python alone knows keeps the task from running in ours', async () => {
    const [python, worker] = await Promise.all([lab.startProducer(), lab.startPythonWorker()])
    const key = lab.key()
    const revoked = await lab.app.send('both.noted', [key], { queue: 'ts' })
    const destination = [worker.nodeName]
    // It says that it is ready a moment before it hears anybody.
    await until('it is told', async () => {
      const replies = await python.broadcast('revoke', { task_id: revoked.id }, { destination, timeout: 0.5 })
      return worker.nodeName in replies
    })
    await lab.startWorker({ concurrency: 1 })
    const free = await lab.app.send('ts.add', [1, 2], { queue: 'ts' })
    assert.equal(await free.get({ timeout: '25s' }), 3)
    assert.deepEqual(await lab.notes(key), [])
    await until('it is REVOKED', async () => (await revoked.state()) === 'REVOKED')
    assert.ok(worker.log.includes(`sync with ${ours}`))
  })

  it('a worker of Python that starts takes over what ours alone knows', async () => {
    await lab.app.control.revoke('told-to-ours', { destination: ours, reply: true, timeout: 20 })
    const worker = await lab.startPythonWorker({ name: 'late', args: ['-P', 'solo', '--without-gossip'] })
    const inspect = lab.app.control.inspect({ destination: worker.nodeName, timeout: '500ms' })
    const answer = await until('it answers', async () => (await inspect.revoked()).get(worker.nodeName) ?? false)
    assert.ok(answer.includes('told-to-ours'), worker.log)
  })
})
