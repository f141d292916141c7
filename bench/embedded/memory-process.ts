import { Celeriac, Worker } from '../../src/index.ts'
import { profiled } from '../lib/profiled.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { nowMs } from '../roles/clock.ts'
import { defineTask, warningsOnly } from '../peers/celeriac.ts'
import { filling } from '../peers/peer.ts'

const inFlight = 100

const { withResults, profileFolder } = startArgument<{
  readonly withResults: boolean
  readonly profileFolder?: string
}>()

let called = 0
let count = 0
let expected = Number.POSITIVE_INFINITY
let finished = Promise.withResolvers<void>()
/** Continues a producer that waits until fewer than 100 tasks are in flight. */
let onRoom: (() => void) | undefined

const app = new Celeriac('bench', {
  broker: 'memory:',
  logger: warningsOnly,
  settings: { task_ignore_result: !withResults },
})
const task = defineTask(app, ({ a, b }) => {
  if (++count === expected) finished.resolve()
  onRoom?.()
  return a + b
})
const worker = new Worker(app, { concurrency: inFlight })
const running = worker.run()
await worker.ready

serve({
  /** Calls so many tasks, 100 at a time, until all have run and their results have arrived. Milliseconds. */
  work: ({ count: wanted }: { readonly count: number }): Promise<number> =>
    profiled(profileFolder, `memory-${withResults ? 'results' : 'no-results'}-${wanted}`, () => work(wanted)),
  async close(): Promise<void> {
    worker.stop('warm')
    await running
    await app.close()
  },
})

async function work(wanted: number): Promise<number> {
  called = count = 0
  expected = wanted
  finished = Promise.withResolvers()
  const startedAt = nowMs()
  if (withResults) await Promise.all(Array.from({ length: inFlight }, () => callAndAwait(wanted)))
  else await callOnly(wanted)
  await finished.promise
  return nowMs() - startedAt
}

async function callAndAwait(wanted: number): Promise<void> {
  while (called < wanted) {
    const result = await task.delay(called++ % 1000, 7, filling)
    await result.get()
  }
}

async function callOnly(wanted: number): Promise<void> {
  while (called < wanted) {
    await task.delay(called++ % 1000, 7, filling)
    if (called - count >= inFlight) await new Promise<void>((resolve) => (onRoom = resolve))
  }
}
