import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Celeriac, type Explanation } from '../../src/index.ts'
import { createLogger } from '../../src/util/logger.ts'
import { until } from '../support/until.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer, PythonWorker } from './python-processes.ts'

const { skip, open } = await findInterop()
const soon = { timeout: '300ms' } as const

describe('why a task of Python is not running', { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer
  let worker: PythonWorker
  /** It knows no task. */
  let app: Celeriac

  before(async () => {
    lab = await open()
    const started = await Promise.all([
      lab.startProducer(),
      lab.startPythonWorker({ args: ['-P', 'threads', '-c', '1', '--prefetch-multiplier', '2'] }),
    ])
    ;[python, worker] = started
    const url = lab.python.notes
    app = new Celeriac('bare', { broker: url, backend: url, logger: createLogger({ level: 'silent' }) })
  })
  after(async () => {
    await app.close()
    await lab[Symbol.asyncDispose]()
  })

  function explained(id: string, kind: Explanation['reason']['kind']): Promise<Explanation> {
    return until(`it is ${kind}`, async () => {
      const explanation = await app.explain(id, soon)
      return explanation.reason.kind === kind && explanation
    })
  }

  it('its worker runs it, or has taken it, or has its ETA in memory', async () => {
    const running = await python.send('py.sleep', [3], { queue: 'py' })
    const { reason } = await explained(running, 'running')
    assert.ok(reason.kind === 'running')
    assert.equal(reason.worker, worker.nodeName)
    assert.ok(reason.since && Math.abs(Date.now() - reason.since.getTime()) < 20_000)
    const next = await python.send('py.add', [1, 2], { queue: 'py' })
    const reserved = (await explained(next, 'reserved')).reason
    assert.ok(reserved.kind === 'reserved')
    assert.deepEqual(reserved.consumption, { worker: worker.nodeName, busy: 1, slots: 1 })
    const later = await python.send('py.add', [1, 2], { queue: 'py', countdown: 3600 })
    const deferred = await explained(later, 'deferred')
    assert.ok(deferred.reason.kind === 'deferred')
    assert.equal(deferred.reason.why, 'eta')
    assert.equal(deferred.taskName, 'py.add')
    assert.equal(deferred.queue, 'py')
    const revoked = await python.send('py.add', [3, 4], { queue: 'py', countdown: 3600 })
    await explained(revoked, 'deferred')
    await python.revoke(revoked)
    // Its worker has stored that, and keeps the message until its time.
    assert.equal((await explained(revoked, 'finished')).state, 'REVOKED')
    assert.equal((await explained(running, 'finished')).state, 'SUCCESS')
  })

  it('its worker keeps it back for a rate limit, of which it tells nothing', async () => {
    await app.control.rateLimit('py.same', '1/h', { destination: worker.nodeName, reply: true })
    const first = await python.send('py.same', [1], { queue: 'py' })
    await explained(first, 'finished')
    const { reason, lines } = await explained(await python.send('py.same', [2], { queue: 'py' }), 'held')
    assert.ok(reason.kind === 'held')
    assert.equal(reason.rateLimit, '1/h')
    assert.match(lines.join('\n'), /lent to a consumer of Python since [^]*has a rate limit there \(1\/h\)/)
  })

  it('it waits in a queue that nobody takes from, and then that a worker takes from', async () => {
    await python.send('py.add', [1, 2], { queue: 'nobody' })
    const id = await python.send('py.add', [1, 2], { queue: 'nobody' })
    const { reason, queue } = await explained(id, 'noConsumer')
    assert.ok(reason.kind === 'noConsumer')
    assert.deepEqual([queue, reason.ahead, reason.answered], ['nobody', 1, [worker.nodeName]])
    await python.addConsumer('nobody', worker.nodeName)
    assert.equal((await explained(id, 'finished')).state, 'SUCCESS')
  })

  it('it is a message of protocol 1', async () => {
    const id = await python.send('py.add', [1, 2], { queue: 'old', protocol: 1 })
    const { taskName } = await explained(id, 'noConsumer')
    assert.equal(taskName, 'py.add')
  })
})
