// The app of the chaos test: its processes are killed at random instants.
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DataSource } from 'typeorm'
import { Celeriac, type Task } from '../../../src/index.ts'
import type { SqlDialect } from '../../../src/orms/orm-adapter.ts'
import { typeorm } from '../../../src/orms/typeorm.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { openNotes, type Note } from '../../contracts/outbox-note.ts'

export interface Place {
  readonly dialect: SqlDialect
  readonly database: string
  readonly broker: string
  /** A line for each run of a task that got to its end, and `FAILED …` for one that failed. */
  readonly runs: string
  /** A line for each transaction that the producer is done with. */
  readonly progress: string
  readonly transactions: number
}

export const place: Place = JSON.parse(process.env['CHAOS_PLACE'] ?? '{}') as Place

export const source: DataSource = await openNotes(place.dialect, place.database)

export const app: Celeriac = new Celeriac('chaos', {
  broker: place.broker,
  logger: createLogger({ level: 'error', pretty: false }),
  settings: {
    task_dispatch: 'outbox',
    task_ignore_result: true,
    task_publish_timeout: '2s',
    task_max_deliveries: 1000,
    outbox_poll_interval: '50ms',
    broker_transport_options: { leaseSeconds: 2 },
  },
})
app.models.use(typeorm(source, { app: 'chaos' }))
app.on('taskFailure', ({ thrown }) => appendFileSync(place.runs, `FAILED ${String(thrown)}\n`))

export const remember: Task<[note: Note], void> = app.task('chaos.remember', async (note: Note) => {
  await sleep(Math.random() * 5)
  appendFileSync(place.runs, `${note.text}\n`)
})
