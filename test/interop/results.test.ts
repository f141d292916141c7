import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chain, chord, group, type AnyResult, type AnySignature } from '../../src/index.ts'
import { until } from '../support/until.ts'
import { findInterop, type InteropLab } from './interop-lab.ts'
import type { PythonProducer, PythonShape } from './python-processes.ts'

const { skip, open } = await findInterop()

interface Links {
  readonly link?: Form
  readonly link_error?: Form
}

/** A workflow, as either language makes it. Its tasks are both.add, both.sum and both.fail. */
type Form = Links &
  (
    | { readonly kind: 'task'; readonly task: 'add' | 'sum' | 'fail'; readonly args: readonly unknown[] }
    | { readonly kind: 'chain' | 'group'; readonly nodes: readonly Form[] }
    | { readonly kind: 'chord'; readonly header: readonly Form[]; readonly body: Form }
  )

const task = (name: 'add' | 'sum' | 'fail', ...args: unknown[]): Form => ({ kind: 'task', task: name, args })
const chainOf = (...nodes: Form[]): Form => ({ kind: 'chain', nodes })
const groupOf = (...nodes: Form[]): Form => ({ kind: 'group', nodes })
const chordOf = (header: Form[], body: Form): Form => ({ kind: 'chord', header, body })

const forms: Readonly<Record<string, Form>> = {
  'a task': task('add', 1, 2),
  'a task that fails': task('fail'),
  'a task with a callback': { ...task('add', 1, 2), link: task('add', 3) },
  'a chain': chainOf(task('add', 1, 2), task('add', 3), task('add', 4)),
  'a chain whose step fails': chainOf(task('add', 1, 2), task('fail'), task('add', 4)),
  'a group': groupOf(task('add', 1, 2), task('add', 3, 4)),
  'a group behind a task': chainOf(task('add', 1, 2), groupOf(task('add', 3), task('add', 4))),
  'a chord': chordOf([task('add', 1, 2), task('add', 3, 4)], task('sum')),
  'a chord whose member fails': chordOf([task('add', 1, 2), task('fail')], task('sum')),
  'a task with two callbacks': { ...task('add', 1, 2), link: groupOf(task('add', 3), task('add', 4)) },
  'a chain in a chord': chordOf([chainOf(task('add', 1, 2), task('add', 3)), task('add', 3, 4)], task('sum')),
  'a chain in a chord that fails': chordOf([chainOf(task('fail'), task('add', 3)), task('add', 3, 4)], task('sum')),
  'a chord in a chord': chordOf(
    [chordOf([task('add', 1, 2), task('add', 3, 4)], task('sum')), task('add', 3, 4)],
    task('sum'),
  ),
  'a chord in a chain': chainOf(
    task('add', 1, 2),
    groupOf(task('add', 3), task('add', 4)),
    task('sum'),
    task('add', 5),
  ),
}

describe("what Python's results show of a workflow", { skip }, () => {
  let lab: InteropLab
  let python: PythonProducer

  before(async () => {
    lab = await open()
    python = await lab.startBoth()
  })
  after(() => lab[Symbol.asyncDispose]())

  function signatureOf(form: Form, queue: string): AnySignature {
    const made = plainOf(form, queue)
    const linked = form.link ? made.link(signatureOf(form.link, queue) as never) : made
    return form.link_error ? linked.linkError(signatureOf(form.link_error, queue) as never) : linked
  }

  function plainOf(form: Form, queue: string): AnySignature {
    const all = (nodes: readonly Form[]): AnySignature[] => nodes.map((node) => signatureOf(node, queue))
    if (form.kind === 'task') return lab.app.signature(`both.${form.task}`, form.args, { queue })
    if (form.kind === 'chord') return chord(group(...all(form.header)) as never, signatureOf(form.body, queue) as never)
    return form.kind === 'chain' ? chain(...all(form.nodes)) : group(...all(form.nodes))
  }

  async function formed(form: Form, queue: string): Promise<string[]> {
    const ids: string[] = []
    let result: AnyResult | undefined = (await signatureOf(form, queue).applyAsync([])) as AnyResult
    for (; result; result = result.parent) ids.unshift(...(result.results?.map(({ id }) => id) ?? [result.id]))
    return ids
  }

  /** Once nothing changes any more. */
  async function shapeOf(ids: readonly string[]): Promise<PythonShape[]> {
    return until('all is over', async () => {
      const shape = await python.shape(ids)
      return shape.every(({ state }) => state === 'SUCCESS' || state === 'FAILURE') && shape
    })
  }

  for (const [name, form] of Object.entries(forms)) {
    it(`is the same in either language: ${name}`, async () => {
      const expected = await shapeOf(await python.formed(form, 'py'))
      assert.deepEqual(await shapeOf(await formed(form, 'ts')), expected, 'started here, run here')
      assert.deepEqual(await shapeOf(await python.formed(form, 'ts')), expected, 'started in Python, run here')
      assert.deepEqual(await shapeOf(await formed(form, 'py')), expected, 'started here, run in Python')
    })
  }
})
