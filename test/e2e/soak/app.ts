// The app of the soak: worker, slots and producer load it. Its tasks end in every way in which tasks end.
import { setTimeout as pause } from 'node:timers/promises'
import type { DataSource } from 'typeorm'
import { Celeriac, currentTask, type Task } from '../../../src/index.ts'
import { typeorm } from '../../../src/orms/typeorm.ts'
import type { Logger } from '../../../src/util/logger.ts'
import { openNotes, type Note } from '../../contracts/outbox-note.ts'

/** What a process of the soak is told. */
export interface SoakPlace {
  readonly url: string
  /** The SQLite file of the rows that tasks take. */
  readonly notes: string
  readonly pool: 'async' | 'threads' | 'processes'
  readonly concurrency: number
  readonly callsPerSecond: number
}

const { SOAK_PLACE } = process.env
if (!SOAK_PLACE) throw new Error('SOAK_PLACE must be set')

export const place: SoakPlace = JSON.parse(SOAK_PLACE) as SoakPlace

/** What is said of a task is expected here; anything else is not. */
const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => complain(fields, message),
  error: (fields, message) => complain(fields, message),
  isLevelEnabled: (level) => level === 'warn' || level === 'error',
}

function complain(fields: object, message: string): void {
  if (!('taskId' in fields)) console.error(message, fields)
}

export const app: Celeriac = new Celeriac('soak', {
  broker: place.url,
  backend: place.url,
  logger,
  settings: { result_expires: '1m', worker_revoke_expires: '5m', task_max_deliveries: 10 },
})
export const source: DataSource = await openNotes('sqlite', place.notes)
app.models.use(typeorm(source, { app: 'soak' }))
app.on('workerProcessShutdown', () => source.destroy())

export const echo: Task<[n: number], number> = app.task('soak.echo', (n: number) => n)
export const ignored: Task<[n: number], number> = app.task('soak.ignored', { ignoreResult: true }, (n: number) => n)
export const sum: Task<[numbers: readonly number[]], number> = app.task('soak.sum', (numbers: readonly number[]) =>
  numbers.reduce((a, b) => a + b, 0),
)
export const add: Task<[x: number, y: number], number> = app.task('soak.add', (x: number, y: number) => x + y)
export const read: Task<[note: Note], string> = app.task('soak.read', (note: Note) => note.text)

export const fail: Task<[n: number], never> = app.task('soak.fail', (n: number): never => {
  throw new RangeError(`number ${n} is not possible`)
})
export const flaky: Task<[], number> = app.task(
  'soak.flaky',
  { autoretryFor: [RangeError], retryDelay: '200ms', maxRetries: 3 },
  () => {
    const { retries } = currentTask().request
    if (retries < 2) throw new RangeError('not yet')
    return retries
  },
)
export const report: Task<[], string> = app.task('soak.report', async () => {
  await currentTask().updateState('PROGRESS', { percent: 50 })
  return 'done'
})
/** Heeds its signal. */
export const wait: Task<[ms: number], void> = app.task('soak.wait', (ms: number) => currentTask().sleep(ms))
export const soft: Task<[], void> = app.task('soak.soft', { softTimeLimit: '100ms' }, () => currentTask().sleep('1m'))
/** Does not. */
export const hard: Task<[], void> = app.task('soak.hard', { timeLimit: '100ms' }, () => pause(5000))
