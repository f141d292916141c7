// An app whose tasks take rows: each slot that loads it has a pool of connections of its own.
import { setTimeout as pause } from 'node:timers/promises'
import { DataSource, EntitySchema, type EntityManager } from 'typeorm'
import { threadId } from 'node:worker_threads'
import { Celeriac, ImproperlyConfigured } from '../../../src/index.ts'
import { typeorm } from '../../../src/orms/typeorm.ts'
import { createLogger } from '../../../src/util/logger.ts'

const { POOL_MODELS_URL: url, POOL_MODELS_BROKER: broker } = process.env
if (!url || !broker) throw new ImproperlyConfigured('POOL_MODELS_URL and POOL_MODELS_BROKER must be set')

export class User {
  declare id: number
  declare name: string
  declare version: number
}

const schema = new EntitySchema<User>({
  target: User,
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: String },
    version: { type: Number, version: true },
  },
})

const source = await new DataSource({ type: 'postgres', url, entities: [schema], poolSize: 2 }).initialize()

export const app: Celeriac = new Celeriac('pool-models', {
  broker,
  logger: createLogger({ level: 'error', pretty: false }),
})
app.models.use(typeorm(source, { app: 'shop' }))
app.on('workerProcessShutdown', () => source.destroy())

app.task('models.where', (user: User) => ({ name: user.name, isRow: user instanceof User, pid: process.pid, threadId }))

/** Writes in the transaction of its lock, which is to be rolled back if nobody accepts it any more. */
app.task('models.rename', { lock: 'update' }, async (user: User, name: string, holdMs: number) => {
  const manager = app.transactions.current()?.tx as EntityManager
  await manager.update(User, user.id, { name })
  await pause(holdMs)
})

export const close = (): Promise<void> => source.destroy()
