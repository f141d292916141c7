import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { chain, chunks, group, replace, restoreGroup, type AnyResult } from '../../src/index.ts'
import {
  anyPlan,
  canvasTasks,
  expected,
  isMany,
  workflowOf,
  type CanvasTasks,
  type Plan,
} from '../support/random-canvas.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer } from './python-processes.ts'

const { skip, open } = await findInterop()
const soon = { timeout: '20s' } as const

/** Every other step runs in Python. */
function mixed(tasks: CanvasTasks): CanvasTasks {
  const inQueue = (task: CanvasTasks['step']): CanvasTasks['step'] =>
    ({ s: (label: number) => task.s(label).set({ queue: label % 2 ? 'py' : 'ts' }) }) as unknown as CanvasTasks['step']
  return { step: inQueue(tasks.step), shaky: inQueue(tasks.shaky), bad: inQueue(tasks.bad) }
}

/** Celery gives no order to the members of a group that stands at the end of a member of a chord. */
function hasOrder(plan: Plan): boolean {
  if (plan.kind === 'step') return true
  if (plan.kind === 'chain') return plan.nodes.every(hasOrder)
  if (plan.kind === 'group') return plan.nodes.every(hasOrder) && isOrdered(plan.nodes)
  return isOrdered(plan.header) && [...plan.header, plan.body].every(hasOrder)
}

function isOrdered(nodes: readonly Plan[]): boolean {
  return nodes.every((node) => (node.kind === 'group' ? isOrdered(node.nodes) : !isMany(node)))
}

const step: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constant('step' as const),
  label: fc.nat(999),
  how: fc.constantFrom('good', 'good', 'shaky'),
})
const member = fc.oneof(
  step,
  fc.record({ kind: fc.constant('chain' as const), nodes: fc.array(step, { minLength: 2, maxLength: 3 }) }),
)
const members = fc.array(member, { minLength: 2, maxLength: 4 })

/** What Celery itself runs as the model says: no lone members, no groups in groups. */
const pythonPlan: fc.Arbitrary<Plan> = fc
  .array(
    fc.oneof(
      step,
      fc.record({ kind: fc.constant('group' as const), nodes: members }),
      fc.record({ kind: fc.constant('chord' as const), header: members, body: step }),
    ),
    { minLength: 2, maxLength: 4 },
  )
  .filter((nodes) => nodes.every(({ kind }, at) => kind !== 'group' || nodes[at + 1]?.kind === 'step'))
  .map((nodes) => ({ kind: 'chain', nodes }))

describe('workflows of any shape over Python and TypeScript', { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer
  let tasks: CanvasTasks

  before(async () => {
    lab = await open()
    const quiet = (): undefined => undefined
    tasks = mixed(canvasTasks(lab.app, quiet, () => Promise.resolve()))
    lab.app.task('ts.replaced', (name: string, ...args: unknown[]) =>
      replace(lab.app.signature(name, args, { queue: 'py' })),
    )
    python = await lab.startBoth()
  })
  after(() => lab[Symbol.asyncDispose]())

  it('started here, they give what the model says, or fail as it says', async () => {
    const plans = fc.sample(anyPlan.filter(hasOrder), { seed: 5, numRuns: 40 })
    const results: AnyResult[] = []
    for (const plan of plans) results.push((await workflowOf(plan, tasks).applyAsync([])) as AnyResult)
    for (const [index, plan] of plans.entries()) {
      const model = expected(plan)
      const result = results[index] as AnyResult
      const value = (): Promise<unknown> => result.get(soon).catch((error: unknown) => error)
      if (model) assert.deepEqual(await value(), model.value, JSON.stringify(plan))
      else await assert.rejects(result.get(soon), /as planned|ChordError|revoked/, JSON.stringify(plan))
    }
  })

  it('started in Python, they give what the model says', async () => {
    for (const plan of fc.sample(pythonPlan, { seed: 5, numRuns: 30 })) {
      const [last = '', ...others] = await python.planned(plan)
      assert.deepEqual(others, [])
      const value = await lab.app
        .result(last)
        .get(soon)
        .catch((error: unknown) => error)
      assert.deepEqual(value, expected(plan)?.value, JSON.stringify(plan))
      assert.deepEqual((await python.get(last)).value, expected(plan)?.value)
    }
  })

  it('a task of either is replaced by one of the other, with the rest of its chain', async () => {
    const at = (queue: 'py' | 'ts', task: string, args: unknown[]) =>
      lab.app.signature<unknown>(`${queue}.${task}`, args, { queue })
    for (const [one, other] of [
      ['py', 'ts'],
      ['ts', 'py'],
    ] as const) {
      const result = await chain(at(one, 'replaced', [`${other}.add`, 1, 2]), at(one, 'add', [4])).delay()
      assert.equal(await result.get(soon), 7)
      assert.equal((await python.get((result.parent as AnyResult).id)).value, 3)
    }
  })

  it('chunks of either run in the other', async () => {
    const add = lab.app.tasks.get('ts.add')
    assert.ok(add)
    const ours = await chunks(
      add,
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      2,
    )
      .set({ queue: 'ts' })
      .delay()
    assert.deepEqual(await ours.get(soon), [[2, 4], [6]])
    const items = [
      [1, 1],
      [2, 2],
      [3, 3],
    ]
    assert.deepEqual(await python.chunks('py.add', items, 2, 'py'), [[2, 4], [6]])
    const inPython = lab.app.signature('celery.starmap', [], {
      queue: 'py',
      kwargs: { task: { task: 'py.add', args: [], kwargs: {}, options: {} }, it: items },
    })
    assert.deepEqual(await (await inPython.delay()).get(soon), [2, 4, 6])
  })

  it('a group that either saved is found by the other', async () => {
    const at = (n: number) =>
      lab.app.signature<number>(n % 2 ? 'py.add' : 'ts.add', [n, n], { queue: n % 2 ? 'py' : 'ts' })
    const ours = await group([1, 2, 3].map(at) as never).delay()
    await ours.save()
    assert.deepEqual(await python.restoredGroup(ours.id), [2, 4, 6])
    const theirs = await python.savedGroup([
      ['ts.add', [1, 1], 'ts'],
      ['py.add', [2, 2], 'py'],
    ])
    assert.deepEqual(await (await restoreGroup(theirs, lab.app))?.get(soon), [2, 4])
  })
})
