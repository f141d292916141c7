import assert from 'node:assert/strict'
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

/** The same plan with labels that no other step of any plan has. */
export function labelled(plan: Plan, from: number): Plan {
  let next = from
  const label = (one: Plan): Plan => {
    if (one.kind === 'step') return { ...one, label: next++ }
    if (one.kind === 'chord') return { ...one, header: one.header.map(label), body: label(one.body) }
    return { ...one, nodes: one.nodes.map(label) }
  }
  return label(plan)
}

/** What happens in a workflow: labels of the steps that run, and of those whose callbacks are called. */
interface Course {
  readonly ran: number[]
  readonly told: number[]
  readonly warned: number[]
}

/** Steps that have a callback for their result, and one for errors. */
function hasCallbacks(label: number): boolean {
  return label % 3 === 0
}

function courseOf(plan: Plan): Course {
  const course: Course = { ran: [], told: [], warned: [] }
  runSteps([plan], course)
  return course
}

/** One after the other; whether all of it succeeded. What follows a group waits for it, and is told once if it fails. */
function runSteps([first, ...rest]: readonly Plan[], course: Course): boolean {
  if (!first) return true
  switch (first.kind) {
    case 'chain':
      return runSteps([...first.nodes, ...rest], course)
    case 'chord':
      return runSteps([{ kind: 'group', nodes: first.header }, first.body, ...rest], course)
    case 'group': {
      const isGood = first.nodes.map((node) => runSteps([node], course)).every(Boolean)
      if (!isGood) course.warned.push(...firstLabels(rest).filter(hasCallbacks))
      return isGood && runSteps(rest, course)
    }
    case 'step': {
      const { label, how } = first
      course.ran.push(label)
      if (hasCallbacks(label)) (how === 'bad' ? course.warned : course.told).push(label)
      return how !== 'bad' && runSteps(rest, course)
    }
  }
}

/** Of the steps that a body begins with; of one that begins with a group, those behind it. */
function firstLabels([first, ...rest]: readonly Plan[]): number[] {
  switch (first?.kind) {
    case undefined:
      return []
    case 'step':
      return [first.label]
    case 'chain':
      return firstLabels([...first.nodes, ...rest])
    case 'chord':
      return firstLabels([first.body, ...rest])
    case 'group':
      return rest.length > 0 ? firstLabels(rest) : first.nodes.flatMap((node) => firstLabels([node]))
  }
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
  /** Callbacks of some of the steps. */
  readonly told?: Task
  readonly warned?: Task
}

/** Tasks for the steps. `onRun` hears of each attempt: name, label, id, retries and deliveries. */
export function canvasTasks(app: Celeriac, onRun: (line: string) => void, pause: () => Promise<void>): CanvasTasks {
  const run = async (given: readonly unknown[]): Promise<string> => {
    const { task, id, retries, deliveryInfo } = currentTask().request
    onRun(`${task} ${String(given.at(-1))} ${id} ${retries} ${deliveryInfo?.deliveryCount}`)
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
    told: define('random.told', (...given) => run(given)),
    // It takes the id of the task that failed alone: its label comes before.
    warned: app.task('random.warned', (_id: string, label: number) => run([label])) as unknown as Task,
  }
}

/** Labels of what ran, by the name of the task; of a label, each task is one more. */
function labelsOf(lines: readonly string[]): Course {
  const tasks = new Map<string, string>()
  for (const line of lines) {
    const [name = '', label = '', id = ''] = line.split(' ')
    tasks.set(id, `${name} ${label}`)
  }
  const named = (...names: string[]): number[] =>
    [...tasks.values()]
      .map((each) => each.split(' '))
      .filter(([name = '']) => names.includes(name))
      .map(([, label]) => Number(label))
      .toSorted((a, b) => a - b)
  return {
    ran: named('random.step', 'random.shaky', 'random.bad'),
    told: named('random.told'),
    warned: named('random.warned'),
  }
}

/**
 * Whether what ran is the course of these plans, each step and each callback as one task. Of a chord of one member, which is
 * a chain, the model does not say which steps that never run are told of an error.
 */
export function assertCourse(lines: readonly string[], plans: readonly Plan[], where: string): void {
  const seen = labelsOf(lines)
  const courses = plans.map(courseOf)
  const all = (name: keyof Course): number[] => courses.flatMap((course) => course[name]).toSorted((a, b) => a - b)
  assert.deepEqual(seen.ran, all('ran'), where)
  assert.deepEqual(seen.told, all('told'), where)
  const vague = new Set(plans.filter(hasLoneMember).flatMap(labelsIn))
  const ran = new Set(seen.ran)
  const isSure = (label: number): boolean => !vague.has(label) || ran.has(label)
  assert.deepEqual(seen.warned.filter(isSure), all('warned').filter(isSure), where)
  assert.equal(new Set(seen.warned).size, seen.warned.length, where)
}

/** All that it says of callbacks ran. */
export function isThrough(lines: readonly string[], plans: readonly Plan[]): boolean {
  const { told, warned } = labelsOf(lines)
  const courses = plans.map(courseOf)
  const own = courses.flatMap((course) => course.warned.filter((label) => course.ran.includes(label)))
  return (
    courses.every((course) => course.told.every((label) => told.includes(label))) &&
    own.every((label) => warned.includes(label))
  )
}

function hasLoneMember(plan: Plan): boolean {
  if (plan.kind === 'step') return false
  const members = plan.kind === 'chord' ? plan.header : plan.nodes
  if (plan.kind !== 'chain' && members.length === 1) return true
  return members.some(hasLoneMember) || (plan.kind === 'chord' && hasLoneMember(plan.body))
}

function labelsIn(plan: Plan): number[] {
  if (plan.kind === 'step') return [plan.label]
  return plan.kind === 'chord' ? [...plan.header, plan.body].flatMap(labelsIn) : plan.nodes.flatMap(labelsIn)
}

/** The plan as a workflow. */
export function workflowOf(plan: Plan, tasks: CanvasTasks): AnySignature {
  switch (plan.kind) {
    case 'step': {
      const task = { good: tasks.step, shaky: tasks.shaky, bad: tasks.bad }[plan.how]
      const { told, warned } = tasks
      if (!told || !warned || !hasCallbacks(plan.label)) return task.s(plan.label)
      return task
        .s(plan.label)
        .link(told.s(plan.label))
        .linkError(warned.s(plan.label) as never)
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
