import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { Deadlines } from '../../../src/util/deadlines.ts'

const late = (): Error => new Error('late')

describe('a deadline for many promises', () => {
  it('lets them settle as they do', async () => {
    const deadlines = new Deadlines(1000)
    assert.equal(await deadlines.guard(Promise.resolve(1), late), 1)
    await assert.rejects(deadlines.guard(Promise.reject(new Error('own')), late), /own/)
  })

  it('rejects each that is not settled in time, exactly then, and no other', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const clock = mock.method(performance, 'now', () => nowMs)
    let nowMs = 0
    const advance = async (ms: number): Promise<void> => {
      nowMs += ms
      mock.timers.tick(ms)
      await new Promise((resolve) => setImmediate(resolve))
    }
    try {
      const deadlines = new Deadlines(1000)
      const outcomes: string[] = []
      const watch = (name: string, promise: Promise<unknown>): void => {
        promise.then(
          () => outcomes.push(`${name} done`),
          (error: Error) => outcomes.push(`${name} ${error.message}`),
        )
      }
      const second = Promise.withResolvers<void>()
      watch('first', deadlines.guard(new Promise(() => {}), late))
      await advance(600)
      watch('second', deadlines.guard(second.promise, late))
      watch('third', deadlines.guard(new Promise(() => {}), late))
      await advance(399)
      assert.deepEqual(outcomes, [])
      await advance(1)
      assert.deepEqual(outcomes, ['first late'])
      second.resolve()
      await advance(599)
      assert.deepEqual(outcomes, ['first late', 'second done'])
      await advance(1)
      assert.deepEqual(outcomes, ['first late', 'second done', 'third late'])
    } finally {
      clock.mock.restore()
      mock.timers.reset()
    }
  })
})
