// One pool of ours in a process of its own.
import { nowMs } from '../roles/clock.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { app } from './app.ts'
import { built, slotEntry } from './code.ts'
import { messageOf, type PoolFlavour, timeFlood, timeTrips } from './work.ts'

const { flavour } = startArgument<{ readonly flavour: PoolFlavour }>()
const { openSlotPool } = await built<typeof import('../../src/pools/open-pool.ts')>('pools/open-pool.js')
const { slotSetup } = await built<typeof import('../../src/worker/slot-setup.ts')>('worker/slot-setup.js')
const { readTask } = await built<typeof import('../../src/protocol/task-message.ts')>('protocol/task-message.js')
const { Worker } = await built<typeof import('../../src/index.ts')>('index.js')

type Pool = Awaited<ReturnType<typeof openSlotPool>>
type Job = Parameters<Pool['run']>[0]
let pool: Pool | undefined
let stored = 0

async function open(size: number): Promise<Pool> {
  const opened = await openSlotPool(flavour === 'thread' ? 'threads' : 'processes', {
    size,
    entry: slotEntry,
    setup: slotSetup(app, 'bench', {}),
    store: () => Promise.resolve(void stored++),
    onSlotFree: () => undefined,
    onLog: () => undefined,
    onNote: () => undefined,
    onBroken: (error) => {
      throw error
    },
  })
  await opened.start()
  return opened
}

function jobOf(n: number): Job {
  const message = messageOf(n)
  const { headers, protocol } = readTask(message, () => undefined)
  return {
    headers,
    protocol,
    message,
    queue: 'celery',
    deliveryCount: 1,
    softTimeLimitMs: undefined,
    hardTimeLimitMs: undefined,
  }
}

async function run(n: number): Promise<void> {
  const outcome = await (pool as Pool).run(jobOf(n)).outcome
  if (outcome.kind !== 'succeeded') throw new Error(JSON.stringify(outcome))
}

serve({
  async open({ size }: { readonly size: number }): Promise<void> {
    pool = await open(size)
  },
  trip: ({ count }: { readonly count: number }): Promise<number> => timeTrips(run, count),
  async flood(size: { readonly count: number; readonly inFlight: number }): Promise<number> {
    const perSecond = await timeFlood(run, size, () => (stored = 0))
    if (stored !== size.count) throw new Error(`${stored} results of ${size.count} were stored`)
    return perSecond
  },
  /** Milliseconds from the start of a child to its readiness, after another had been started. */
  async start(): Promise<number> {
    await (await open(1))[Symbol.asyncDispose]()
    const startedAt = nowMs()
    const opened = await open(1)
    const ms = nowMs() - startedAt
    await opened[Symbol.asyncDispose]()
    return ms
  },
  /** Tasks a second that hash, by a worker with two slots. */
  async hash({ count, iterations }: { readonly count: number; readonly iterations: number }): Promise<number> {
    const kind = { thread: 'threads', process: 'processes', async: 'async' } as const
    const worker = new Worker(app, { pool: kind[flavour], concurrency: 2 })
    const running = worker.run()
    await Promise.race([worker.ready, running])
    const send = (total: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: total }, async () => (await app.send('bench.hash', [iterations])).get({ timeout: '60s' })),
      )
    await send(4)
    const startedAt = nowMs()
    await send(count)
    const perSecond = count / ((nowMs() - startedAt) / 1000)
    worker.stop()
    await running
    return perSecond
  },
  async close(): Promise<void> {
    await pool?.[Symbol.asyncDispose]()
    await app.close()
  },
})
