import { Worker } from '../src/index.ts'
import { createLogger } from '../src/util/logger.ts'
import { tell } from './messages.ts'
import { openDemo } from './tasks.ts'

const folder = process.argv[2] ?? ''
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort())
process.on('disconnect', () => stop.abort())

await using demo = await openDemo(folder)
demo.app.setLogger(createLogger({ level: 'warn' }))
let retries = 0
demo.app.on('taskRetry', () => void retries++)
const worker = new Worker(demo.app, { concurrency: 32 })
const running = worker.run(stop.signal)
await worker.ready
await tell({ kind: 'ready' })
await running
if (process.connected) {
  await tell({ kind: 'stopped', retries })
  process.disconnect()
}
