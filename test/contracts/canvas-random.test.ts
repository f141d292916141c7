import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TaskError, type AnyResult, type AsyncResult } from '../../src/index.ts'
import { withLostLoans } from '../support/faulty-broker.ts'
import {
  anyPlan,
  assertCourse,
  canvasTasks,
  expected,
  isThrough,
  labelled,
  workflowOf,
  type Plan,
} from '../support/random-canvas.ts'
import { memoryStore, openHarness, until } from '../support/worker-harness.ts'

const workflows = 150

describe('workflows of any shape', () => {
  it('give what the model says, or fail as it says, and each step and callback runs once, whatever messages come again', async () => {
    await using harness = await openHarness(memoryStore, { task_max_deliveries: 1000 })
    withLostLoans(await harness.app.openBroker(), 0.1)
    const runs: string[] = []
    const quiet = (): Promise<void> => Promise.resolve()
    const tasks = canvasTasks(harness.app, (line) => runs.push(line), quiet)
    await harness.startWorker({ concurrency: 8 })
    const seed = Date.now()
    const plans = fc.sample(anyPlan, { seed, numRuns: workflows }).map((plan, at) => labelled(plan, at * 100))
    const check = async (plan: Plan): Promise<void> => {
      const where = `seed ${seed}, ${JSON.stringify(plan)}`
      const result = (await workflowOf(plan, tasks).applyAsync([])) as AnyResult
      const model = expected(plan)
      if (model) assert.deepEqual(await result.get({ timeout: '20s' }), model.value, where)
      else await assert.rejects(result.get({ timeout: '20s' }), TaskError, where)
      await until(`all of it is over: ${where}`, () => allOver(result))
    }
    await Promise.all(plans.map(check))
    await until('all callbacks ran', () => isThrough(runs, plans))
    assertCourse(runs, plans, `seed ${seed}`)
  })
})

/** Every task that is known from the result has ended. */
async function allOver(result: AnyResult): Promise<boolean> {
  const tasks = new Set<AsyncResult>()
  const add = (one: AnyResult | undefined): void => {
    if (!one) return
    if (one.results) one.results.forEach(add)
    else tasks.add(one as AsyncResult)
    add(one.parent)
  }
  add(result)
  const states = await Promise.all([...tasks].map((task) => task.state()))
  return states.every((state) => state === 'SUCCESS' || state === 'FAILURE')
}
