import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chain, chord, group, Worker, type AnySignature, type AsyncResult } from '../../src/index.ts'
import { recordingLogger } from '../support/worker-harness.ts'
import { add, app, sum } from './pool-app/app.ts'

const soon = { timeout: '20s' } as const

describe('workflows in threads, on stores in the memory of the worker', () => {
  let worker: Worker
  let running: Promise<void>

  before(async () => {
    app.setLogger(recordingLogger([]))
    app.configFromObject({ broker_url: 'memory:canvas-slots', result_backend: 'memory:canvas-slots' })
    worker = new Worker(app, { pool: 'threads', concurrency: 2 })
    running = worker.run()
    await Promise.race([worker.ready, running])
  })
  after(async () => {
    worker.stop('cold')
    await running
    await app.close()
  })

  const ones = (count: number): AnySignature[] => Array.from({ length: count }, () => add.s(1))
  const start = async (...steps: readonly AnySignature[]): Promise<AsyncResult> =>
    (await chain(...(steps as AnySignature[])).delay()) as AsyncResult

  it('count the members of chords in the worker, and go on with what it keeps', async () => {
    const member = chain(...([add.s(0, 0), ...ones(40)] as AnySignature[]))
    const whole = chord(group(member, add.s(1, 1), add.s(2, 2)) as never, sum.s() as never)
    const result = await start(whole, ...ones(40))
    assert.equal(await result.get(soon), 40 + 2 + 4 + 40)
  })

  it('end what the worker keeps where a step fails', async () => {
    const result = await start(
      add.s(0, 0),
      ...ones(10),
      app.signature('pool.fail', [], { immutable: true }),
      ...ones(60),
    )
    await assert.rejects(result.get(soon), /RangeError/)
  })

  it('fail as a chord whose member dies, and does not begin again', async () => {
    const early = app.signature<number>('pool.early', [])
    const result = await chord(group(early, add.s(1, 1)), sum.s()).delay()
    await assert.rejects(result.get(soon), /ChordError.*WorkerLostError/)
  })
})
