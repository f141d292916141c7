import { Celeriac, Worker } from '../../src/index.ts'
import { typeorm } from '../../src/orms/typeorm.ts'
import { nowMs } from '../roles/clock.ts'
import { warningsOnly } from '../peers/celeriac.ts'
import { profiled } from '../lib/profiled.ts'
import { serve, startArgument } from '../lib/serve.ts'
import { openUsers, User, type Database } from './user.ts'

export type Kind = 'model' | 'id'

interface Argument {
  readonly database: Database
  readonly url: string
  readonly concurrency: number
  readonly profileFolder?: string
}

const { database, url, concurrency, profileFolder } = startArgument<Argument>()

const source = await openUsers(database, url)
const users = await source.manager.find(User)
const app = new Celeriac('bench', {
  broker: 'memory:',
  logger: warningsOnly,
  settings: { task_ignore_result: true },
})
app.models.use(typeorm(source, { app: 'bench' }))

let left = 0
let finished = Promise.withResolvers<number>()

const tasks = {
  model: app.task('bench.model', (user: User) => ended(user)),
  id: app.task('bench.id', async (id: number) => ended(await source.manager.findOneByOrFail(User, { id }))),
} as const

function ended(user: User): void {
  if (!user.name.endsWith(String(user.id))) throw new Error(`a task got the wrong row: ${user.name} of ${user.id}`)
  if (--left === 0) finished.resolve(nowMs())
}

serve({
  /** Fills the queue with so many tasks, then runs them. The milliseconds from the start to the end of the last. */
  async work({ kind, count }: { readonly kind: Kind; readonly count: number }): Promise<number> {
    left = count
    finished = Promise.withResolvers()
    const user = (n: number): User => users[(n * 7) % users.length] as User
    const numbers = Array.from({ length: count }, (_, n) => n)
    if (kind === 'model') await tasks.model.delayMany(numbers.map((n) => [user(n)]))
    else await tasks.id.delayMany(numbers.map((n) => [user(n).id]))
    const worker = new Worker(app, { concurrency })
    const ms = await profiled(profileFolder, `models-${kind}-${concurrency}-${count}`, async () => {
      const startedAt = nowMs()
      void worker.run()
      return (await finished.promise) - startedAt
    })
    worker.stop()
    return ms
  },
  /** Microseconds that looking for models adds to a call that has none. */
  encode({ count }: { readonly count: number }): number {
    const args = [17, 4, 'x'.repeat(200), { to: ['a@example.org', 'b@example.org'], urgent: true }]
    const look = (times: number): number => {
      const startedAt = nowMs()
      for (let n = 0; n < times; n++) app.models.toReferences(args)
      return nowMs() - startedAt
    }
    look(count)
    return (look(count) / count) * 1000
  },
  async close(): Promise<void> {
    await app.close()
    await source.destroy()
  },
})
