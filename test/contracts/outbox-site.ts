import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DataSource, EntityManager } from 'typeorm'
import { Celeriac } from '../../src/index.ts'
import { typeorm } from '../../src/orms/typeorm.ts'
import { Outbox } from '../../src/outbox/outbox.ts'
import { testDatabase, type Service, type TestDatabase } from '../services.ts'
import { recordingLogger, type LogLine } from '../support/worker-harness.ts'
import { createNotes, openNotes } from './outbox-note.ts'

/** An app with an outbox in a database of its own, and a broker in a SQLite file. */
export interface OutboxSite extends AsyncDisposable {
  readonly app: Celeriac
  readonly source: DataSource
  readonly database: TestDatabase
  readonly outbox: Outbox
  readonly lines: LogLine[]
  /** Messages at the broker. */
  waiting(queue?: string): Promise<number>
  /** Rows in the outbox. */
  rows(): Promise<number>
  /** The same app in the same place, with data source and log of its own, as another process would have it; disposed of with this one. */
  another(settings?: object, connections?: number): Promise<OutboxSite>
  /** Relays until the returned function is called, or the site is disposed of. */
  relay(): () => Promise<void>
  transaction<R>(body: (manager: EntityManager) => Promise<R>): Promise<R>
}

const defaults = { task_dispatch: 'outbox', outbox_poll_interval: '10ms', task_publish_timeout: '2s' }

export async function openOutboxSite(service: Service | 'sqlite', settings: object = {}): Promise<OutboxSite> {
  const database = await testDatabase(service)
  const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-outbox-'))
  const place = { database, broker: `sqlite:${path.join(folder, 'queue.db')}` }
  const others: AsyncDisposable[] = []
  const open = async (more: object, connections?: number): Promise<OutboxSite> => {
    const other = await siteAt(place, { ...settings, ...more }, connections)
    others.push(other)
    return { ...other, another: (again = {}, size) => open(again, size) }
  }
  const site = await open({})
  await createNotes(site.source)
  return {
    ...site,
    [Symbol.asyncDispose]: async () => {
      for (const each of others) await each[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

interface Place {
  readonly database: TestDatabase
  readonly broker: string
}

async function siteAt(place: Place, settings: object, connections = 4): Promise<Omit<OutboxSite, 'another'>> {
  const { database, broker } = place
  const source = await openNotes(database.dialect, database.url, connections)
  const lines: LogLine[] = []
  const app = new Celeriac('outbox', {
    broker,
    logger: recordingLogger(lines),
    settings: { ...defaults, ...settings },
  })
  app.models.use(typeorm(source, { app: 'demo' }))
  const outbox = new Outbox(app)
  const ends: (() => Promise<void>)[] = []
  return {
    app,
    source,
    database,
    outbox,
    lines,
    waiting: async (queue = 'celery') => (await app.openBroker()).count(queue),
    rows: async () =>
      Number((await database.execute('SELECT COUNT(*) AS rows_left FROM celeriac_outbox'))[0]?.['rows_left']),
    relay: () => {
      const stop = new AbortController()
      const relayed = outbox.run(stop.signal)
      const end = (): Promise<void> => (stop.abort(), relayed)
      ends.push(end)
      return end
    },
    transaction: (body) => source.transaction(body),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(ends.map((end) => end()))
      await app.close()
      await source.destroy()
    },
  }
}

/** Fails loudly after so many seconds. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const giveUpAt = performance.now() + seconds * 1000
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`waited ${seconds} s in vain until ${what}`)
    await sleep(15)
  }
}
