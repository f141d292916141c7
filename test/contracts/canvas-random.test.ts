import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AnyResult } from '../../src/index.ts'
import { anyPlan, canvasTasks, expected, workflowOf, type Plan } from '../support/random-canvas.ts'
import { memoryStore, openHarness } from '../support/worker-harness.ts'

describe('workflows of any shape', () => {
  it('give what the model says, or fail as it says, and each step runs once', async () => {
    await using harness = await openHarness(memoryStore)
    const runs: string[] = []
    const tasks = canvasTasks(
      harness.app,
      (line) => runs.push(line),
      () => Promise.resolve(),
    )
    await harness.startWorker({ concurrency: 8 })
    const check = async (plan: Plan): Promise<void> => {
      const result = (await workflowOf(plan, tasks).applyAsync([])) as AnyResult
      const model = expected(plan)
      if (model) assert.deepEqual(await result.get({ timeout: '10s' }), model.value)
      else await assert.rejects(result.get({ timeout: '10s' }), /as planned|ChordError/)
    }
    await fc.assert(fc.asyncProperty(anyPlan, check), { numRuns: 200 })
    assert.equal(new Set(runs).size, runs.length)
  })
})
