// TypeORM entities as arguments: a task gets the row as it is when it runs, and nothing of a transaction that failed.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { DataSource, EntitySchema } from 'typeorm'
import { Celeriac, Worker } from '../../src/index.ts'
import { typeorm } from '../../src/orms/typeorm.ts'

class Order {
  declare id: number
  declare customer: string
  declare status: string | null
  declare version: number
}
// Node runs TypeScript without decorators; with a build step, @Entity() and @Column() do as well.
const orders = new EntitySchema<Order>({
  target: Order,
  name: 'Order',
  columns: {
    id: { type: Number, primary: true },
    customer: { type: String },
    status: { type: String, nullable: true },
    version: { type: Number, version: true },
  },
})

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-typeorm-'))
const database = path.join(folder, 'shop.db')
const dataSource = new DataSource({ type: 'better-sqlite3', database, entities: [orders], synchronize: true })
await dataSource.initialize()

const app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'tasks.db')}` })
app.models.use(typeorm(dataSource, { app: 'shop' }))
const ship = app.task('shop.ship', async (order: Order) => {
  order.status = `shipped to ${order.customer}`
  await dataSource.manager.save(order)
  return order.status
})

const result = await dataSource.transaction(async (manager) => {
  const order = await manager.save(Object.assign(new Order(), { id: 1, customer: 'Ann' }))
  const called = await ship.delay(order) // waits for the commit; what is sent is label, key and version
  await manager.update(Order, 1, { customer: 'Bea' })
  return called
})
const undone = dataSource.transaction(async (manager) => {
  await ship.delay(await manager.findOneByOrFail(Order, { id: 1 }))
  throw new Error('something went wrong')
})
await undone.catch((error: Error) => console.log(`Rolled back, and nothing was sent: ${error.message}`))

let ran = 0
app.on('taskPostrun', () => void ran++)
await new Worker(app, { drain: true }).run()
console.log(`Tasks that ran: ${ran}`)
console.log(`The task says: ${await result.get({ timeout: '10s' })}`)
console.log(`The row says: ${(await dataSource.manager.findOneBy(Order, { id: 1 }))?.status}`)

await app.close()
await dataSource.destroy()
await rm(folder, { recursive: true })
