// The app of the fault tests: its workers are other processes, killed and frozen at will.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celeriac, currentTask, type Task } from '../../../src/index.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { storeSettings, type Place } from './place.ts'

const { FAULTS_PLACE } = process.env
if (!FAULTS_PLACE) throw new Error('FAULTS_PLACE must be set')

export const place: Place = JSON.parse(FAULTS_PLACE) as Place
const { runs } = place

export const app: Celeriac = new Celeriac('faults', {
  broker: place.url,
  backend: place.url,
  logger: createLogger({ level: 'error', pretty: false }),
  settings: { task_max_deliveries: place.maxDeliveries, ...storeSettings(place) },
})

/** Leaves a line for each run that got to its end. */
export const note: Task<[id: number | string, pauseMs: number], number | string> = app.task(
  'faults.note',
  async (id: number | string, pauseMs: number) => {
    await sleep(pauseMs)
    appendFileSync(runs, `${id}\n`)
    return id
  },
)

/** Says when it begins and which process it ran in. */
app.task('faults.where', async (pauseMs: number) => {
  appendFileSync(runs, `began ${process.pid}\n`)
  await sleep(pauseMs)
  appendFileSync(runs, `ended ${process.pid}\n`)
  return process.pid
})

/** Holds the event loop. */
app.task('faults.block', (blockMs: number) => {
  appendFileSync(runs, `began ${process.pid}\n`)
  const end = Date.now() + blockMs
  while (Date.now() < end);
  return process.pid
})

/** Ends the process it runs in, each time in another way. */
app.task('faults.poison', async () => {
  const { deliveryInfo } = currentTask().request
  switch ((deliveryInfo?.deliveryCount ?? 1) % 3) {
    case 0:
      process.kill(process.pid, 'SIGKILL')
      break
    case 1:
      process.exit(3)
      break
    default:
      void Promise.reject(new Error('nobody handles this'))
  }
  await sleep(60_000)
})
