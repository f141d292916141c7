import path from 'node:path'
import { Celeriac, Worker, type Logger, type Task } from '../../src/index.ts'
import { redisUrl, type Consumer, type OnTask, type Peer, type Producer, type Store } from './peer.ts'

type Args = readonly [number, number, string]

export const celeriacOnSqlite: Peer = celeriacOn(sqliteUrl)
export const celeriacOnRedis: Peer = celeriacOn(redisUrl)

/** Where a peer of ours keeps its messages. */
export function celeriacUrl(peer: 'celeriac-sqlite' | 'celeriac-redis', store: Store): string {
  return peer === 'celeriac-redis' ? redisUrl(store) : sqliteUrl(store)
}

function sqliteUrl({ folder }: Store): string {
  return `sqlite:${path.join(folder, 'celeriac.db')}`
}

function celeriacOn(urlOf: (store: Store) => string): Peer {
  const makeApp = (store: Store): Celeriac =>
    new Celeriac('bench', {
      broker: urlOf(store),
      backend: urlOf(store),
      logger: warningsOnly,
      settings: { task_ignore_result: !store.withResults },
    })
  return {
    async openProducer(store): Promise<Producer> {
      const app = makeApp(store)
      const task = defineTask(app, ({ a, b }) => a + b)
      await app.openBroker()
      return {
        one: ({ a, b, text }) => task.delay(a, b, text),
        async many(payloads) {
          const results = await task.delayMany(payloads.map(({ a, b, text }): Args => [a, b, text]))
          return results.map(({ id }) => id)
        },
        roundTrip: async ({ a, b, text }) => (await task.delay(a, b, text)).get(),
        close: () => app.close(),
      }
    },

    async openConsumer(store, onTask, concurrency): Promise<Consumer> {
      const app = makeApp(store)
      defineTask(app, onTask)
      const worker = new Worker(app, { concurrency, ...store.worker })
      await Promise.all([app.openBroker(), app.openBackend(), app.connections.codec()])
      let running: Promise<void> | undefined
      return {
        start() {
          running = worker.run()
          return worker.ready
        },
        async close(checkedIds) {
          worker.stop('warm')
          await running
          await check(app, checkedIds)
          await app.close()
        },
      }
    },
  }
}

export function defineTask(app: Celeriac, onTask: OnTask): Task<Args, number> {
  return app.task('bench.add', (a: number, b: number, text: string) => onTask({ a, b, text }))
}

async function check(app: Celeriac, checkedIds: readonly string[]): Promise<void> {
  const left = await (await app.openBroker()).count('celery')
  if (left > 0) throw new Error(`celeriac left ${left} messages in the queue`)
  if (checkedIds.length === 0) return
  const metas = await (await app.openBackend()).fetch(checkedIds)
  const missing = metas.filter((meta) => meta?.status !== 'SUCCESS').length
  if (missing > 0)
    throw new Error(`celeriac: ${missing} of ${checkedIds.length} results that were looked at are missing`)
}

/** Log lines of single tasks are off, as with `-l WARNING`. */
export const warningsOnly: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => console.error(message, fields),
  error: (fields, message) => console.error(message, fields),
  isLevelEnabled: (level) => level === 'warn' || level === 'error',
}
