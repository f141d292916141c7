import type { Celeriac } from '../app/app.ts'
import { queueOfTask } from '../app/signature-queue.ts'
import { newTaskId } from '../app/task-id.ts'
import { encodeSignature, type SignatureData, type TaskSignature } from '../protocol/signature-json.ts'
import { dumpJson } from '../protocol/typed-json.ts'
import { whyNoMemoryHere } from '../util/slot-mark.ts'
import { childrenOf, leafIds } from './freeze.ts'
import { sizeOf } from './parts.ts'
import { restSignature } from './rest.ts'
import { chainOf } from './compose.ts'
import { firstErrbacks } from './links.ts'
import { simplified } from './simplify.ts'

/** Signatures that a message carries of what comes later, about: more are kept. */
const mostCarried = 20
/** Steps before it that would carry the rest of a chain: fewer are not worth a message more. */
const fewSteps = 10
/** Copies of the body in the members of a chord. */
const mostCopies = 1000

/** What the result backend must keep before the messages leave. */
export interface KeptWorkflow {
  readonly workflowId: string
  readonly parts: readonly string[]
}

interface Shortened {
  readonly data: SignatureData
  readonly kept: KeptWorkflow | undefined
}

/**
 * A workflow in which `celeriac.rest` stands for what comes much later, so that its messages grow in step with it. Small
 * ones, and those that a worker of Celery may get, stay as they are.
 */
export function shortened(app: Celeriac, data: SignatureData): Shortened {
  if (!isLarge(data, mostCarried) || !mayKeep(app, data)) return { data, kept: undefined }
  const cutter = new Cutter(app)
  const short = cutter.cut(data)
  const { workflowId, parts } = cutter
  return { data: short, kept: parts.length > 0 ? { workflowId, parts } : undefined }
}

class Cutter implements KeptWorkflow {
  readonly workflowId: string = newTaskId()
  readonly parts: string[] = []
  readonly #app: Celeriac

  constructor(app: Celeriac) {
    this.#app = app
  }

  /** From the inside out, so that each part refers to those behind it. */
  cut(data: SignatureData): SignatureData {
    switch (data.kind) {
      case 'task':
        return this.#cutTask(data)
      case 'chain':
        return { ...data, tasks: this.#cutChain(data.tasks.map((task) => this.cut(task))) }
      case 'group':
        return { ...data, tasks: data.tasks.map((task) => this.cut(task)) }
      case 'chord': {
        const header = { ...data.header, tasks: data.header.tasks.map((task) => this.cut(task)) }
        const body = this.cut(data.body)
        return { ...data, header, body: isWorthKeeping(body, nodesOf(header)) ? this.#keep(body, true) : body }
      }
    }
  }

  #cutTask(data: TaskSignature): TaskSignature {
    const { link } = data.options
    if (!link) return data
    const short = link.map((callback) => {
      if (!isLarge(callback, mostCarried)) return callback
      const cut = this.cut(simplified(callback))
      return isWorthKeeping(cut, 1) ? this.#keep(cut) : cut
    })
    return { ...data, options: { ...data.options, link: short } }
  }

  #cutChain(tasks: readonly SignatureData[]): SignatureData[] {
    let rest: SignatureData[] = []
    let nodes = 0
    for (const [at, task] of [...tasks.entries()].toReversed()) {
      const added = nodesOf(task)
      // One alone is a rest already, or so large that the step before it should carry it, once.
      if (nodes + added > mostCarried && at + 1 >= fewSteps && rest.length > 1) {
        rest = [this.#keep(chainOf(rest.toReversed()))]
        nodes = 1
      }
      rest.push(task)
      nodes += added
    }
    return rest.toReversed()
  }

  #keep(data: SignatureData, isBody = false): TaskSignature {
    const part = this.parts.push(dumpJson(encodeSignature(data))) - 1
    const first = data.kind === 'chain' ? (data.tasks[0] as SignatureData) : data
    const [taskId] = leafIds(data)
    const linkError = firstErrbacks(data)
    const begin = firstTask(data)
    const priority = begin?.options['priority'] ?? this.#priorityOf(begin)
    const rest = {
      workflowId: this.workflowId,
      part,
      size: sizeOf(data),
      children: isBody ? undefined : childrenOf(first),
    }
    return restSignature(rest, {
      queue: begin ? queueOfTask(this.#app, begin) : this.#app.config.task.defaultQueue,
      ...(priority === undefined ? undefined : { priority }),
      ...(linkError && { linkError }),
      ...(taskId === undefined ? undefined : { taskId }),
    })
  }

  #priorityOf(begin: TaskSignature | undefined): number | undefined {
    if (!begin) return undefined
    return (
      this.#app.tasks.get(begin.task)?.compiledFor(this.#app).priority ?? this.#app.router.route(begin.task).priority
    )
  }
}

/** What so many others would carry. */
function isWorthKeeping(data: SignatureData, carriers: number): boolean {
  const nodes = nodesOf(data)
  return nodes > mostCarried || (nodes > 3 && carriers * nodes > mostCopies)
}

/** How many signatures it is made of, with its callbacks. */
function nodesOf(data: SignatureData): number {
  switch (data.kind) {
    case 'task':
      return sum(data.options.link ?? []) + 1
    case 'chain':
    case 'group':
      return sum(data.tasks)
    case 'chord':
      return nodesOf(data.header) + nodesOf(data.body)
  }
}

function sum(all: readonly SignatureData[]): number {
  return all.reduce((total, one) => total + nodesOf(one), 0)
}

/** Without counting them all. */
function isLarge(data: SignatureData, most: number): boolean {
  let left = most
  const count = (one: SignatureData): boolean => {
    switch (one.kind) {
      case 'task':
        return --left < 0 || (one.options.link ?? []).some(count)
      case 'chain':
      case 'group':
        return one.tasks.some(count)
      case 'chord':
        return count(one.header) || count(one.body)
    }
  }
  return count(data)
}

/** One of those that are sent first. */
function firstTask(data: SignatureData): TaskSignature | undefined {
  if (data.kind === 'task') return data
  if (data.kind === 'chord') return firstTask(data.header) ?? firstTask(data.body)
  return data.tasks[0] && firstTask(data.tasks[0])
}

/** The result backend can keep it, and nobody but workers of ours gets its messages. */
function mayKeep(app: Celeriac, data: SignatureData): boolean {
  const { result, task } = app.config
  if (task.alwaysEager || !app.keepsResults) return false
  if (/^memory:/i.test(result.backend ?? '') && whyNoMemoryHere('result backend') !== undefined) return false
  return eachTask(data, (one) => isOurs(app, queueOfTask(app, one)))
}

function isOurs(app: Celeriac, queue: string): boolean {
  // What each worker gets is carried on by each of them.
  return app.isOwnQueue(queue) && !app.config.task.broadcastQueues.includes(queue)
}

function eachTask(data: SignatureData, test: (task: TaskSignature) => boolean): boolean {
  switch (data.kind) {
    case 'task':
      return test(data) && (data.options.link ?? []).every((one) => eachTask(one, test))
    case 'chain':
    case 'group':
      return data.tasks.every((one) => eachTask(one, test))
    case 'chord':
      return eachTask(data.header, test) && eachTask(data.body, test)
  }
}
