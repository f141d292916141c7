import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { chain, chord, currentTask, group, type AnySignature, type Celeriac, type Task } from '../../src/index.ts'

/** A workflow as the model sees it. */
export type Plan =
  | { readonly kind: 'step'; readonly label: number; readonly how: 'good' | 'shaky' | 'bad' }
  | { readonly kind: 'chain'; readonly nodes: readonly Plan[] }
  | { readonly kind: 'group'; readonly nodes: readonly Plan[] }
  | { readonly kind: 'chord'; readonly header: readonly Plan[]; readonly body: Plan }

const step: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constant('step' as const),
  label: fc.nat(999),
  how: fc.oneof(
    { weight: 30, arbitrary: fc.constant('good' as const) },
    { weight: 4, arbitrary: fc.constant('shaky' as const) },
    { weight: 1, arbitrary: fc.constant('bad' as const) },
  ),
})

/** Up to about 60 steps, nested in any way; some are retried, some fail. */
export const anyPlan: fc.Arbitrary<Plan> = fc
  .letrec<{ node: Plan; nodes: Plan[] }>((tie) => ({
    nodes: fc.array(tie('node'), { minLength: 1, maxLength: 4 }),
    node: fc.oneof(
      { maxDepth: 3, depthSize: 'medium' },
      step,
      fc.record({ kind: fc.constant('chain' as const), nodes: tie('nodes') }),
      fc.record({ kind: fc.constant('group' as const), nodes: tie('nodes') }),
      fc.record({ kind: fc.constant('chord' as const), header: tie('nodes'), body: tie('node') }),
    ),
  }))
  .node.filter((plan) => stepsOf(plan) <= 60)

export function stepsOf(plan: Plan): number {
  const sum = (plans: readonly Plan[]): number => plans.reduce((total, one) => total + stepsOf(one), 0)
  if (plan.kind === 'step') return 1
  return plan.kind === 'chord' ? sum([...plan.header, plan.body]) : sum(plan.nodes)
}

/** What a step makes of what it gets. */
function digest(given: readonly unknown[]): string {
  return createHash('sha1').update(JSON.stringify(given)).digest('hex').slice(0, 10)
}

class Failed extends Error {}

/** What the whole gives; undefined if it must fail. */
export function expected(plan: Plan): { readonly value: unknown } | undefined {
  try {
    return { value: valueOf(plan, []) }
  } catch (error) {
    if (error instanceof Failed) return undefined
    throw error
  }
}

function valueOf(plan: Plan, given: readonly unknown[]): unknown {
  const parts = partsOf(plan, given)
  return isMany(plan) ? parts : parts[0]
}

/** The results of its last tasks. */
function partsOf(plan: Plan, given: readonly unknown[]): unknown[] {
  switch (plan.kind) {
    case 'step':
      if (plan.how === 'bad') throw new Failed()
      return [digest([...given, plan.label])]
    case 'group':
      return plan.nodes.flatMap((node) => partsOf(node, given))
    case 'chord':
      return partsOf(plan.body, [plan.header.flatMap((node) => partsOf(node, given))])
    case 'chain': {
      let before = given
      for (const node of plan.nodes.slice(0, -1)) before = [valueOf(node, before)]
      return partsOf(plan.nodes.at(-1) as Plan, before)
    }
  }
}

/** Its result is a list, because its end is a group. */
export function isMany(plan: Plan): boolean {
  switch (plan.kind) {
    case 'step':
      return false
    case 'group':
      return true
    case 'chord':
      return isMany(plan.body)
    case 'chain':
      return isMany(plan.nodes.at(-1) as Plan)
  }
}

export interface CanvasTasks {
  readonly step: Task
  readonly shaky: Task
  readonly bad: Task
}

/** Tasks for the steps. `onRun` hears of each attempt. */
export function canvasTasks(app: Celeriac, onRun: (line: string) => void, pause: () => Promise<void>): CanvasTasks {
  const run = async (given: readonly unknown[]): Promise<string> => {
    const { id, retries, deliveryInfo } = currentTask().request
    onRun(`${id} ${retries} ${deliveryInfo?.deliveryCount}`)
    await pause()
    return digest(given)
  }
  const define = (name: string, body: (...given: readonly unknown[]) => Promise<string>): Task =>
    app.task(name, { maxRetries: 1 }, body) as unknown as Task
  return {
    step: define('random.step', (...given) => run(given)),
    shaky: define('random.shaky', async (...given) => {
      const value = await run(given)
      if (currentTask().request.retries === 0) currentTask().retry({ countdown: '5ms' })
      return value
    }),
    bad: define('random.bad', async (...given) => {
      await run(given)
      throw new Error('as planned')
    }),
  }
}

/** The plan as a workflow. */
export function workflowOf(plan: Plan, tasks: CanvasTasks): AnySignature {
  switch (plan.kind) {
    case 'step': {
      const task = { good: tasks.step, shaky: tasks.shaky, bad: tasks.bad }[plan.how]
      return task.s(plan.label)
    }
    case 'chain':
      return chain(...(plan.nodes.map((node) => workflowOf(node, tasks)) as AnySignature[]))
    case 'group':
      return group(...plan.nodes.map((node) => workflowOf(node, tasks)))
    case 'chord':
      return chord(
        group(...plan.header.map((node) => workflowOf(node, tasks))) as never,
        workflowOf(plan.body, tasks) as never,
      )
  }
}
