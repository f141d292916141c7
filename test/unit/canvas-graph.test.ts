import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Celeriac, chain, graph, group, resultGraph, type AnyResult } from '../../src/index.ts'
import { main } from '../../src/cli/main.ts'

const source = pathToFileURL(path.resolve(import.meta.dirname, '../../src/index.ts')).href

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const texts = { out: '', err: '' }
  const output = (name: 'out' | 'err') => ({ isTTY: false, write: (text: string) => (texts[name] += text).length > 0 })
  const terminal = { out: output('out'), err: output('err'), in: process.stdin, env: {} }
  return { code: await main(args, terminal as never), ...texts }
}

describe('the graph of a workflow', () => {
  it('shows what follows what, callbacks included', async () => {
    await using app = new Celeriac('graph', { broker: 'memory:' })
    const step = (name: string) => app.signature(name)
    const whole = chain(step('first'), group(step('left'), chain(step('right'), step('"more"'))), step('last'))
      .link(step('told'))
      .linkError(step('warned'))
    const drawn = graph(whole)
    const names = new Map(drawn.nodes.map(({ id, label }) => [id, label]))
    const edges = drawn.edges.map(({ from, to, label }) => `${names.get(from)} ${label ?? '>'} ${names.get(to)}`)
    for (const expected of ['first > left', 'first > right', 'right > "more"', 'left > last', '"more" > last']) {
      assert.ok(edges.includes(expected), `${expected} is not among ${edges.join(', ')}`)
    }
    assert.ok(edges.includes('last link told') && edges.includes('first error warned'))
    assert.match(
      drawn.toMermaid(),
      /^flowchart LR\n {2}n1\["first"\]\n[^]*\["#quot;more#quot;"\][^]*n\d+ -\. link \.-> n\d+/,
    )
    assert.match(drawn.toDot(), /^digraph \{\n {2}rankdir=LR\n {2}n1 \[label="first"\]\n[^]*label="\\"more\\""[^]*\}$/)
  })

  it('shows the states of what was sent', async () => {
    await using app = new Celeriac('graph', {
      broker: 'memory:',
      settings: {
        task_always_eager: true,
        task_store_eager_result: true,
        result_backend: 'memory:graph',
        result_extended: true,
      },
    })
    const add = app.task('graph.add', (x: number, y: number) => x + y)
    const result = (await chain(add.s(1, 1), add.s(2)).delay()) as AnyResult
    const drawn = await resultGraph(result)
    assert.deepEqual(
      drawn.nodes.map(({ label }) => label),
      ['graph.add SUCCESS', 'graph.add SUCCESS'],
    )
    assert.deepEqual(drawn.edges, [{ from: 'n1', to: 'n2', label: undefined }])
  })

  it('is written by celeriac graph', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-graph-'))
    try {
      const file = path.join(folder, 'flows.mjs')
      await writeFile(
        file,
        `import { Celeriac, chain } from '${source}'
const app = new Celeriac('graph', { broker: 'memory:' })
export const nightly = chain(app.signature('one'), app.signature('two'))
export const other = 5
`,
      )
      const { code, out } = await run('graph', `${file}:nightly`)
      assert.deepEqual([code, out], [0, 'flowchart LR\n  n1["one"]\n  n2["two"]\n  n1 --> n2\n'])
      assert.match((await run('graph', `${file}:nightly`, '--format', 'dot')).out, /^digraph \{/)
      assert.equal(
        (JSON.parse((await run('--json', 'graph', `${file}:nightly`)).out) as { nodes: object[] }).nodes.length,
        2,
      )
      assert.match((await run('graph', `${file}:other`)).err, /the export other is no signature/)
      assert.match((await run('graph', file)).err, /the export default is not there/)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
