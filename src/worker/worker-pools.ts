import type { Celeriac } from '../app/app.ts'
import type { CompiledOptions } from '../app/compiled-options.ts'
import type { IsolateMode } from '../app/task-options.ts'
import { restTask } from '../canvas/rest.ts'
import { openAsyncPool, openSlotPool } from '../pools/open-pool.ts'
import type { Execute, Pool } from '../pools/pool.ts'
import { decodeTaskMeta, type TaskMeta } from '../protocol/task-meta.ts'
import { loadJson } from '../protocol/typed-json.ts'
import type { PoolOptions, ResolvedPoolOptions } from './pool-options.ts'
import { writeSlotLine } from './slot-log.ts'
import { slotSetup } from './slot-setup.ts'

export interface WorkerPoolsOptions {
  readonly app: Celeriac
  readonly workerName: string
  readonly options: PoolOptions
  readonly resolved: ResolvedPoolOptions
  readonly execute: Execute
  /** Of what stands for the rest of large workflows. */
  readonly executeRest: Execute
  readonly store: (meta: TaskMeta) => Promise<void>
  readonly onSlotFree: () => void
  /** A body of the main pool was abandoned. */
  readonly onAbandoned: () => void
  /** A pool cannot keep its children alive. */
  readonly onBroken: (error: Error) => void
}

type SlotKind = 'threads' | 'processes'
/** Each loads a part of a workflow. */
const mostRests = 10
const slotKinds = { thread: 'threads', process: 'processes' } as const satisfies Record<IsolateMode, SlotKind>
/** `slot-child.ts` beside this file, or what the build made of it. */
const entry = new URL(`./slot-child${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url)

/** The pool of a worker, and beside it those of tasks that ask for more isolation than it gives. */
export class WorkerPools implements AsyncDisposable {
  readonly main: Pool
  readonly #rests: Pool
  readonly #isolated: ReadonlyMap<SlotKind, Pool>
  readonly #mainKind: ResolvedPoolOptions['kind']

  private constructor(
    main: Pool,
    rests: Pool,
    isolated: ReadonlyMap<SlotKind, Pool>,
    mainKind: ResolvedPoolOptions['kind'],
  ) {
    this.main = main
    this.#rests = rests
    this.#isolated = isolated
    this.#mainKind = mainKind
  }

  /** Opens the pools that the tasks known now need. Throws ImproperlyConfigured where slots could not load the app. */
  static async open(options: WorkerPoolsOptions): Promise<WorkerPools> {
    const { app, resolved, execute, executeRest, onSlotFree, onAbandoned } = options
    const { kind, size, isolatedSize } = resolved
    const main =
      kind === 'async' || kind === 'solo'
        ? openAsyncPool({ size, execute, onSlotFree, onAbandoned })
        : await openSlots(kind, size, options)
    const wanted = new Set([...app.tasks].flatMap((task) => neededKind(kind, task.options.isolate) ?? []))
    const isolated = new Map<SlotKind, Pool>()
    for (const each of wanted) isolated.set(each, await openSlots(each, isolatedSize, options))
    const rests = openAsyncPool({ size: mostRests, execute: executeRest, onSlotFree })
    return new WorkerPools(main, rests, isolated, kind)
  }

  /** Where the bodies of a task run. */
  of(taskName: string, { isolate }: Pick<CompiledOptions, 'isolate'>): Pool {
    if (taskName === restTask) return this.#rests
    const kind = neededKind(this.#mainKind, isolate)
    return (kind && this.#isolated.get(kind)) ?? this.main
  }

  /** False: one pool runs everything. */
  get areSeveral(): boolean {
    return this.#isolated.size > 0
  }

  /** How many bodies run at once, in all pools. */
  get size(): number {
    return this.#all.reduce((sum, pool) => sum + pool.size, 0)
  }

  /** Bodies that run now, in all pools. */
  get busy(): number {
    return this.#all.reduce((sum, pool) => sum + pool.busy, 0)
  }

  async start(): Promise<void> {
    await Promise.all(this.#all.map((pool) => pool.start()))
  }

  /** False: there are no threads or processes that could be replaced. */
  restart(): boolean {
    const restarted = this.#all.filter((pool) => pool.restart !== undefined)
    for (const pool of restarted) pool.restart?.()
    return restarted.length > 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((pool) => pool[Symbol.asyncDispose]()))
  }

  get #all(): Pool[] {
    return [this.main, ...this.#isolated.values()]
  }
}

/** The kind of pool that `isolate` asks for, if the worker's own does not do: a process is as good as a thread. */
function neededKind(main: ResolvedPoolOptions['kind'], isolate: IsolateMode | undefined): SlotKind | undefined {
  if (isolate === undefined || main === 'processes') return undefined
  const kind = slotKinds[isolate]
  return kind === main ? undefined : kind
}

function openSlots(kind: SlotKind, size: number, options: WorkerPoolsOptions): Promise<Pool> {
  const { app, workerName, resolved, store, onSlotFree, onBroken } = options
  const { maxTasksPerChild, maxMemoryPerChild, startTimeoutMs } = resolved
  return openSlotPool(kind, {
    size,
    entry,
    setup: slotSetup(app, workerName, options.options),
    maxTasksPerChild,
    maxMemoryPerChild,
    startTimeoutMs,
    store: (state) => store(decodeTaskMeta(loadJson(state))),
    onSlotFree,
    onLog: (slot, line) => writeSlotLine(app.log, slot, line),
    // The only note there is: a body has written to the outbox, whose relay is here.
    onNote: () => app.outboxCommits.tell(),
    onBroken,
  })
}
