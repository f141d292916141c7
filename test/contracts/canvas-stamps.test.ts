import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  chain,
  chord,
  currentTask,
  group,
  replace,
  type AsyncResult,
  type Signature,
  type StampingVisitor,
} from '../../src/index.ts'
import { memoryStore, openHarness, until, type Harness } from '../support/worker-harness.ts'

const soon = { timeout: '10s' } as const

type Noting = Signature<readonly unknown[], unknown>

/** A task that notes what its message says of it. */
function noting({ app }: Harness): { readonly seen: Record<string, unknown>; readonly note: (name: string) => Noting } {
  const seen: Record<string, unknown> = {}
  const task = app.task('stamps.note', (...args: unknown[]) => {
    const { stamps, deliveryInfo } = currentTask().request
    const name = String(args.at(-1))
    seen[name] = { ...stamps, ...(deliveryInfo?.priority === undefined ? {} : { priority: deliveryInfo.priority }) }
    return name
  })
  return { seen, note: (name) => task.s(name) as never }
}

describe('a visitor', () => {
  it('gives each part of a workflow stamps of its own, and those of a whole to all its parts', async () => {
    await using harness = await openHarness(memoryStore)
    const { seen, note } = noting(harness)
    const told: string[] = []
    const visitor: StampingVisitor = {
      onSignature: ({ args }) => ({ own: args.at(-1) }),
      onChainStart: (_part, stamps) => ({ chain: Object.keys(stamps).length }),
      onChainEnd: ({ kind }, stamps) => void told.push(`${kind} ${JSON.stringify(stamps)}`),
      onGroupStart: () => ({ group: true }),
      onGroupEnd: ({ kind }) => void told.push(kind),
      onChordBody: () => ({ body: true }),
      onCallback: ({ task }) => ({ after: task }),
    }
    const whole = chain(note('a').link(note('called') as never), chord(group(note('b'), note('c')), note('d')))
    await harness.startWorker()
    await ((await whole.stamp(visitor).delay()) as AsyncResult).get(soon)
    await until('all ran', () => Object.keys(seen).length === 5)
    assert.deepEqual(seen, {
      a: { own: 'a', chain: 0 },
      called: { own: 'called', chain: 0, after: 'stamps.note' },
      b: { own: 'b', chain: 0, group: true },
      c: { own: 'c', chain: 0, group: true },
      d: { own: 'd', chain: 0, group: true, body: true },
    })
    assert.deepEqual(told, ['group', 'chain {"chain":0}'])
  })

  it('may treat the header of a chord in a way of its own', async () => {
    await using harness = await openHarness(memoryStore)
    const { seen, note } = noting(harness)
    const told: string[] = []
    const visitor: StampingVisitor = {
      onChordHeaderStart: () => ({ header: 1 }),
      onChordHeaderEnd: ({ kind }) => void told.push(kind),
      onGroupStart: () => assert.fail('it is no group of its own'),
    }
    await harness.startWorker()
    const stamped = chord(group(note('b'), note('c')), note('d'))
      .stamp({ tenant: 'acme' })
      .stamp(visitor)
    await ((await stamped.delay()) as AsyncResult).get(soon)
    const all = { tenant: 'acme', header: 1 }
    assert.deepEqual(seen, { b: all, c: all, d: all })
    assert.deepEqual(told, ['chord'])
  })
})

describe('task_inherit_parent_priority', () => {
  it('gives tasks that name no priority that of the task before them, or that called them', async () => {
    await using harness = await openHarness(memoryStore, { task_inherit_parent_priority: true })
    const { seen, note } = noting(harness)
    const calling = harness.app.task('stamps.calling', async () => {
      await (note('called') as Signature<[]>).delay()
      return 'x'
    })
    const replaced = harness.app.task('stamps.replaced', (_before: unknown): string => replace(note('other') as never))
    const steps = [
      calling.s().set({ priority: 7 }),
      note('next'),
      note('own').set({ priority: 2 }),
      replaced.s(),
      note('last').link(note('linked') as never),
    ]
    await harness.startWorker()
    await ((await chain(...(steps as never[])).delay()) as AsyncResult).get(soon)
    await until('all ran', () => Object.keys(seen).length === 6)
    assert.deepEqual(seen, {
      called: { priority: 7 },
      next: { priority: 7 },
      own: { priority: 2 },
      other: { priority: 2 },
      last: { priority: 2 },
      linked: { priority: 2 },
    })
  })

  it('is off by default', async () => {
    await using harness = await openHarness(memoryStore)
    const { seen, note } = noting(harness)
    await harness.startWorker()
    await ((await chain(note('a').set({ priority: 7 }), note('b')).delay()) as AsyncResult).get(soon)
    assert.deepEqual(seen, { a: { priority: 7 }, b: {} })
  })
})
