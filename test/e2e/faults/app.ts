// The app of the fault tests: its workers are other processes, killed and frozen at will.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Celeriac } from '../../../src/index.ts'
import { createLogger } from '../../../src/util/logger.ts'

const { FAULTS_URL: url, FAULTS_LOG: log } = process.env
if (!url || !log) throw new Error('FAULTS_URL and FAULTS_LOG must be set')

export const app: Celeriac = new Celeriac('faults', {
  broker: url,
  backend: url,
  logger: createLogger({ level: 'error', pretty: false }),
  settings: {
    task_max_deliveries: Number(process.env['FAULTS_MAX_DELIVERIES'] ?? 1000),
    broker_transport_options: { leaseSeconds: 2 },
  },
})

/** Leaves a line for each run that got to its end. */
app.task('faults.note', async (n: number, pauseMs: number) => {
  await sleep(pauseMs)
  appendFileSync(log, `${n}\n`)
  return n
})

/** Says when it begins and which process it ran in. */
app.task('faults.where', async (pauseMs: number) => {
  appendFileSync(log, `began ${process.pid}\n`)
  await sleep(pauseMs)
  appendFileSync(log, `ended ${process.pid}\n`)
  return process.pid
})

/** Holds the event loop. */
app.task('faults.block', (blockMs: number) => {
  appendFileSync(log, `began ${process.pid}\n`)
  const end = Date.now() + blockMs
  while (Date.now() < end);
  return process.pid
})

/** Kills the process it runs in. */
app.task('faults.poison', () => process.kill(process.pid, 'SIGKILL'))
