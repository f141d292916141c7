import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Celeriac } from '../../../src/index.ts'
import { typeorm } from '../../../src/orms/typeorm.ts'
import { Outbox } from '../../../src/outbox/outbox.ts'
import { createLogger } from '../../../src/util/logger.ts'
import { createNotes, openNotes } from '../../contracts/outbox-note.ts'
import { testDatabase, type Service } from '../../services.ts'
import type { Place } from './app.ts'

export type Role = 'producer' | 'relay' | 'worker'

/** Where the processes meet, and what they left there. */
export interface ChaosSite extends AsyncDisposable {
  start(role: Role): ChildProcess
  /** How many transactions the producers are done with. */
  transactionsDone(): number
  runs(): string[]
  /** The names of the rows that are there. */
  rows(): Promise<string[]>
  /** Rows of the outbox, and messages that wait or are dead. */
  left(): Promise<{ readonly outbox: number; readonly waiting: number; readonly dead: number }>
  /** A process ended that nobody killed. */
  hasCrashed(): boolean
  errors(): string
}

export async function openChaosSite(service: Service | 'sqlite', transactions: number): Promise<ChaosSite> {
  const database = await testDatabase(service)
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-chaos-'))
  const place: Place = {
    dialect: database.dialect,
    database: database.url,
    broker: `sqlite:${path.join(folder, 'queue.db')}`,
    runs: path.join(folder, 'runs.log'),
    progress: path.join(folder, 'progress.log'),
    transactions,
  }
  for (const file of [place.runs, place.progress]) await writeFile(file, '')
  const errors = openSync(path.join(folder, 'errors.log'), 'a')
  const env = { ...process.env, CHAOS_PLACE: JSON.stringify(place), NODE_TEST_CONTEXT: '' }
  const source = await openNotes(place.dialect, place.database, 1)
  const app = new Celeriac('chaos', { broker: place.broker, logger: createLogger({ level: 'silent' }) })
  app.models.use(typeorm(source, { app: 'chaos' }))
  const outbox = new Outbox(app)
  await createNotes(source)
  await outbox.migrate()
  const children = new Set<ChildProcess>()
  let crashed = false
  const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return {
    start(role) {
      const script = path.join(import.meta.dirname, `${role}.ts`)
      const child = spawn(process.execPath, [script], { env, stdio: ['ignore', errors, errors] })
      children.add(child)
      child.once('exit', (code) => {
        children.delete(child)
        if (code !== 0 && code !== null) crashed = true
      })
      return child
    },
    transactionsDone: () => new Set(linesOf(place.progress)).size,
    runs: () => linesOf(place.runs),
    rows: async () => (await database.execute('SELECT text FROM note')).map((row) => String(row['text'])),
    left: async () => {
      const broker = await app.openBroker()
      const [waiting, dead] = await Promise.all([broker.count('celery'), broker.count('celery.dead')])
      const [count] = await database.execute('SELECT COUNT(*) AS rows_left FROM celeriac_outbox')
      return { outbox: Number(count?.['rows_left']), waiting, dead }
    },
    hasCrashed: () => crashed,
    errors: () => readFileSync(path.join(folder, 'errors.log'), 'utf8').slice(-3000),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(Array.from(children, kill))
      await app.close()
      await source.destroy()
      await database[Symbol.asyncDispose]()
      closeSync(errors)
      await rm(folder, { recursive: true })
    },
  }
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
