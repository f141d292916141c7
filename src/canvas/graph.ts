import type { AnyResult, AsyncResult } from '../app/async-result.ts'
import type { AnySignature } from '../app/signature.ts'
import type { SignatureData } from '../protocol/signature-json.ts'
import { simplified } from './simplify.ts'

interface GraphNode {
  readonly id: string
  readonly label: string
}

interface GraphEdge {
  readonly from: string
  readonly to: string
  /** What leads there, unless it is the result alone. */
  readonly label: 'link' | 'error' | undefined
}

/** Which task leads to which. */
export class WorkflowGraph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]

  constructor(nodes: readonly GraphNode[], edges: readonly GraphEdge[]) {
    this.nodes = nodes
    this.edges = edges
  }

  /** A flowchart of Mermaid, as Markdown shows it. */
  toMermaid(): string {
    const nodes = this.nodes.map(({ id, label }) => `  ${id}["${label.replaceAll('"', '#quot;')}"]`)
    const edges = this.edges.map(({ from, to, label }) => `  ${from} ${label ? `-. ${label} .->` : '-->'} ${to}`)
    return ['flowchart LR', ...nodes, ...edges].join('\n')
  }

  /** A graph of DOT, for Graphviz. */
  toDot(): string {
    const nodes = this.nodes.map(({ id, label }) => `  ${id} [label=${JSON.stringify(label)}]`)
    const edges = this.edges.map(({ from, to, label }) => `  ${from} -> ${to}${label ? ` [label=${label}]` : ''}`)
    return ['digraph {', '  rankdir=LR', ...nodes, ...edges, '}'].join('\n')
  }
}

/** The tasks of a workflow, by name, and what follows what. Arguments are not shown: they may be secret. */
export function graph(workflow: AnySignature): WorkflowGraph {
  const drawing = new Drawing()
  drawing.add(simplified(workflow.data))
  return new WorkflowGraph(drawing.nodes, drawing.edges)
}

/** Where a part of a workflow begins and where it ends. */
interface Ends {
  readonly first: readonly string[]
  readonly last: readonly string[]
}

class Drawing {
  readonly nodes: GraphNode[] = []
  readonly edges: GraphEdge[] = []

  add(data: SignatureData): Ends {
    switch (data.kind) {
      case 'task':
        return this.#addTask(data.task, data.options)
      case 'group':
        return this.#addAll(data.tasks)
      case 'chain':
        return this.#inOrder(data.tasks.map((task) => this.add(task)))
      case 'chord':
        return this.#inOrder([this.#addAll(data.header.tasks), this.add(data.body)])
    }
  }

  #addTask(label: string, { link, linkError }: SignatureData['options']): Ends {
    const id = `n${this.nodes.length + 1}`
    this.nodes.push({ id, label })
    for (const callback of link ?? []) this.#connect([id], this.add(callback).first, 'link')
    for (const callback of linkError ?? []) this.#connect([id], this.add(callback).first, 'error')
    return { first: [id], last: [id] }
  }

  #addAll(tasks: readonly SignatureData[]): Ends {
    const all = tasks.map((task) => this.add(task))
    return { first: all.flatMap(({ first }) => first), last: all.flatMap(({ last }) => last) }
  }

  #inOrder(steps: readonly Ends[]): Ends {
    for (const [at, step] of steps.entries()) {
      const before = steps[at - 1]
      if (before) this.#connect(before.last, step.first)
    }
    return { first: steps[0]?.first ?? [], last: steps.at(-1)?.last ?? [] }
  }

  #connect(from: readonly string[], to: readonly string[], label?: GraphEdge['label']): void {
    for (const one of from) for (const other of to) this.edges.push({ from: one, to: other, label })
  }
}

/**
 * What became of a workflow so far: its tasks with their states, those before the result and those that they published.
 * Tasks have their names with `result_extended`, else their ids.
 */
export async function resultGraph(result: AnyResult): Promise<WorkflowGraph> {
  const nodes = new Map<string, GraphNode>()
  const edges = new Map<string, GraphEdge>()
  const connect = (from: AsyncResult, to: AsyncResult): void =>
    void edges.set(`${from.id} ${to.id}`, { from: from.id, to: to.id, label: undefined })
  for (let at = result; at.parent; at = at.parent) {
    for (const from of ownOf(at.parent)) for (const to of ownOf(at)) connect(from, to)
  }
  const waiting = tasksOf(result)
  for (let task = waiting.shift(); task; task = waiting.shift()) {
    if (nodes.has(task.id)) continue
    const node = { id: `n${nodes.size + 1}`, label: task.id }
    nodes.set(task.id, node)
    const meta = await task.meta()
    nodes.set(task.id, { ...node, label: `${meta?.extended?.name ?? task.id} ${meta?.status ?? 'PENDING'}` })
    for (const child of await task.children()) {
      connect(task, child)
      waiting.push(child)
    }
  }
  const named = (id: string): string => nodes.get(id)?.id ?? id
  return new WorkflowGraph(
    [...nodes.values()],
    [...edges.values()].map(({ from, to, label }) => ({ from: named(from), to: named(to), label })),
  )
}

/** Those before it, the first of all first, and itself. */
function tasksOf(result: AnyResult | undefined): AsyncResult[] {
  return result ? [...tasksOf(result.parent), ...ownOf(result)] : []
}

function ownOf(result: AnyResult): readonly AsyncResult[] {
  return (result.results ?? [result]) as readonly AsyncResult[]
}
