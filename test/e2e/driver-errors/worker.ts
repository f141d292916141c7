// A worker whose database driver lets an error escape; run by driver-errors.test.ts.
import { DataSource } from 'typeorm'
import { Celeriac, Worker } from '../../../src/index.ts'
import { typeorm } from '../../../src/orms/typeorm.ts'
import { createLogger } from '../../../src/util/logger.ts'

const [code = ''] = process.argv.slice(2)
const source = await new DataSource({ type: 'better-sqlite3', database: ':memory:', entities: [] }).initialize()
const app = new Celeriac('driver-errors', {
  broker: 'memory:',
  backend: 'memory:',
  logger: createLogger({ pretty: true }),
})
app.models.use(typeorm(source, { app: 'shop' }))
app.task('demo.escape', () => {
  setImmediate(() => {
    throw Object.assign(new Error('an error event that nobody heard'), { code })
  })
})
app.task('demo.after', () => 'still here')

const worker = new Worker(app)
const running = worker.run()
await worker.ready
await (await app.send('demo.escape')).get()
await new Promise((resolve) => setTimeout(resolve, 50))
console.log(await (await app.send('demo.after')).get())
worker.stop()
await running
await app.close()
await source.destroy()
