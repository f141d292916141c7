import { openAsyncPool, openSlotPool, type PoolKind, type SlotLog } from '../../src/pools/open-pool.ts'
import type { Execution, Loan, Outcome, Pool } from '../../src/pools/pool.ts'
import { readTask } from '../../src/protocol/task-message.ts'
import { decodeTaskMeta, encodeTaskMeta, type TaskMeta } from '../../src/protocol/task-meta.ts'
import { dumpJson, loadJson } from '../../src/protocol/typed-json.ts'
import { Executor } from '../../src/worker/executor.ts'
import { slotSetup } from '../../src/worker/slot-setup.ts'
import { rawMessage } from '../support/worker-harness.ts'
import { app } from './pool-app/app.ts'

const entry = new URL('../../src/worker/slot-child.ts', import.meta.url)

export interface LabOptions {
  readonly size?: number
  readonly maxTasksPerChild?: number
  readonly maxMemoryPerChild?: number
  readonly graceMs?: number
  readonly startTimeoutMs?: number
  readonly store?: (meta: TaskMeta) => Promise<void>
  readonly setup?: object
}

export interface JobOptions {
  readonly softTimeLimitMs?: number
  readonly hardTimeLimitMs?: number
  readonly loan?: Loan
  readonly onStarted?: () => void
}

/** A pool of the tasks in `pool-app/app.ts`, and what it does. */
export interface PoolLab extends AsyncDisposable {
  readonly pool: Pool
  /** What was stored, in order. */
  readonly states: TaskMeta[]
  readonly lines: (SlotLog & { readonly slot: string })[]
  readonly freed: number
  readonly broken: Error | undefined
  hasRoom(task?: string): boolean
  begin(task: string, args?: readonly unknown[], options?: JobOptions): Execution & { readonly id: string }
  run(task: string, args?: readonly unknown[], options?: JobOptions): Promise<Outcome>
  /** The value of a task that succeeded. */
  value(task: string, args?: readonly unknown[], options?: JobOptions): Promise<unknown>
}

export async function openLab(kind: PoolKind, options: LabOptions = {}): Promise<PoolLab> {
  const states: TaskMeta[] = []
  const lines: (SlotLog & { slot: string })[] = []
  let freed = 0
  let broken: Error | undefined
  const { size = 2, store = (meta) => Promise.resolve(void states.push(meta)), setup, ...others } = options
  const storeText = (state: string): Promise<void> => store(decodeTaskMeta(loadJson(state)))
  const onSlotFree = (): void => void freed++
  const codec = await app.connections.codec()
  const executor = new Executor(app, {
    hostname: 'lab',
    codec,
    isEager: false,
    store: async (meta) => storeText(dumpJson(encodeTaskMeta(meta))),
  })
  const pool =
    kind === 'async' || kind === 'solo'
      ? openAsyncPool({
          size: kind === 'solo' ? 1 : size,
          execute: (job, attempt) => executor.execute(job, attempt),
          onSlotFree,
        })
      : await openSlotPool(kind, {
          size,
          entry,
          setup: { ...slotSetup(app, 'lab', {}), logLevels: ['info', 'warn', 'error'], ...setup },
          store: storeText,
          onSlotFree,
          onLog: (slot, line) => void lines.push({ ...line, slot }),
          onNote: () => undefined,
          onBroken: (error) => (broken = error),
          ...others,
        })
  const begin: PoolLab['begin'] = (task, args = [], { softTimeLimitMs, hardTimeLimitMs, loan, onStarted } = {}) => {
    const job = { ...jobOf(task, args), softTimeLimitMs, hardTimeLimitMs }
    return Object.assign(pool.run(job, loan, onStarted), { id: job.headers.id })
  }
  return {
    pool,
    states,
    lines,
    get freed() {
      return freed
    },
    get broken() {
      return broken
    },
    hasRoom: (task = 'pool.add') =>
      pool.hasRoom({ ...jobOf(task, []), softTimeLimitMs: undefined, hardTimeLimitMs: undefined }),
    begin,
    run: (task, args, jobOptions) => begin(task, args, jobOptions).outcome,
    value: async (task, args, jobOptions) => {
      const execution = begin(task, args, jobOptions)
      const outcome = await execution.outcome
      const state = states.findLast(({ taskId }) => taskId === execution.id)
      if (outcome.kind !== 'succeeded') throw new Error(`${task}: ${JSON.stringify(outcome)}`)
      return state?.result
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

function jobOf(task: string, args: readonly unknown[]) {
  const message = rawMessage({ headers: { task }, body: JSON.stringify([args, {}, null]) })
  const { headers, protocol } = readTask(message, () => undefined)
  return { headers, protocol, message, queue: 'celery', deliveryCount: 1 } as const
}
