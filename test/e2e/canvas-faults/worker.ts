// A worker for workflows, to be killed at any moment. It leaves a line for each attempt that began.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celeriac, currentTask, Worker } from '../../../src/index.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { canvasTasks } from '../../support/random-canvas.ts'

const [url = '', runs = ''] = process.argv.slice(2)
const app = new Celeriac('canvas', {
  broker: url,
  backend: url,
  logger: createLogger({ level: 'silent' }),
  settings: { task_max_deliveries: 1000, task_celeriac_queues: ['*'], broker_transport_options: { leaseSeconds: 2 } },
})
canvasTasks(
  app,
  (line) => appendFileSync(runs, `${line}\n`),
  () => sleep(Math.random() * 4),
)
app.task('random.early', { acksLate: false }, async (label: number) => {
  appendFileSync(runs, `random.early ${label} ${currentTask().request.id} 0 1\n`)
  await currentTask().sleep('1h')
})
const worker = new Worker(app, { concurrency: 8 })
void worker.ready.then(() => process.send?.('ready'))
await worker.run()
