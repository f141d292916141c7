import { Celeriac, Worker } from '../../src/index.ts'
import { cpuSeconds } from '../lib/cpu.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { warningsOnly } from '../peers/celeriac.ts'
import { payload } from '../peers/peer.ts'

/** A worker whose slots are all taken by tasks that wait, and which holds as many again. */
const { url, slots } = startArgument<{ readonly url: string; readonly slots: number }>()
const app = new Celeriac('holder', { broker: url, backend: 'disabled:', logger: warningsOnly })
const over = Promise.withResolvers<void>()
let begun = 0
const brief = app.task('bench.brief', (_: unknown) => undefined)
const hold = app.task('bench.hold', (_: unknown) => {
  begun++
  return over.promise
})
const worker = new Worker(app, { concurrency: slots })
const stopped = worker.run()
await worker.ready
// Once tasks are known to be short, some are taken ahead.
const calls = (count: number): (readonly [unknown])[] => Array.from({ length: count }, (_, index) => [payload(index)])
await brief.delayMany(calls(slots * 10))
await hold.delayMany(calls(slots * 3))
while (begun < slots) await new Promise((resolve) => setTimeout(resolve, 10))

serve({
  cpu: cpuSeconds,
  async close(): Promise<void> {
    over.resolve()
    worker.stop()
    await stopped
    await app.close()
  },
})
