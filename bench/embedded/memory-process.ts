import { Celeriac, Worker } from '../../src/index.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { nowMs } from './clock.ts'
import { defineTask, warningsOnly } from './peers/celeriac.ts'
import { filling } from './peers/peer.ts'

const inFlight = 100

const { withResults } = startArgument<{ readonly withResults: boolean }>()

let count = 0
let expected = Number.POSITIVE_INFINITY
let finished = Promise.withResolvers<void>()

const app = new Celeriac('bench', {
  broker: 'memory:',
  logger: warningsOnly,
  settings: { task_ignore_result: !withResults },
})
const task = defineTask(app, ({ a, b }) => {
  if (++count === expected) finished.resolve()
  return a + b
})
const worker = new Worker(app, { concurrency: inFlight })
const running = worker.run()
await worker.ready

serve({
  /** Calls so many tasks, 100 at a time, until all have run and their results have arrived. Milliseconds. */
  async work({ count: wanted }: { readonly count: number }): Promise<number> {
    count = 0
    expected = wanted
    finished = Promise.withResolvers()
    const startedAt = nowMs()
    let next = 0
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (next < wanted) {
          const result = await task.delay(next++ % 1000, 7, filling)
          if (withResults) await result.get()
        }
      }),
    )
    await finished.promise
    return nowMs() - startedAt
  },
  async close(): Promise<void> {
    worker.stop('warm')
    await running
    await app.close()
  },
})
