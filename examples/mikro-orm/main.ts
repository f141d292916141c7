// Entities as arguments: the task gets the row as it is when it runs, in a unit of work of its own.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { defineEntity, MikroORM, p } from '@mikro-orm/sqlite'
import { Celeriac, Worker } from '../../src/index.ts'
import { mikro } from '../../src/orms/mikro-orm.ts'

const OrderSchema = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: {
    id: p.integer().primary(),
    customer: p.string(),
    status: p.string().default('new'),
    version: p.integer().version(),
  },
})
class Order extends OrderSchema.class {
  ship(): void {
    this.status = `shipped to ${this.customer}`
  }
}
OrderSchema.setClass(Order)

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-mikro-orm-'))
const orm = await MikroORM.init({ dbName: path.join(folder, 'shop.db'), entities: [OrderSchema] })
await orm.schema.create()

const app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'tasks.db')}` })
app.models.use(mikro(orm, { app: 'shop' }))
const ship = app.task('shop.ship', async (order: Order) => {
  order.ship()
  await orm.em.flush() // orm.em is the unit of work of this attempt, and order is in it
  return order.status
})

const result = await orm.em.fork().transactional(async (em) => {
  const order = em.create(Order, { id: 1, customer: 'Ann' })
  await em.flush()
  const called = await ship.delay(order) // waits for the commit; what is sent is label and key
  order.customer = 'Bea'
  return called
})
const undone = orm.em.fork().transactional(async (em) => {
  await ship.delay(await em.findOneOrFail(Order, 1))
  throw new Error('something went wrong')
})
await undone.catch((error: Error) => console.log(`Rolled back, and nothing was sent: ${error.message}`))

let ran = 0
app.on('taskPostrun', () => void ran++)
await new Worker(app, { drain: true }).run()
console.log(`Tasks that ran: ${ran}`)
console.log(`The task says: ${await result.get({ timeout: '10s' })}`)
console.log(`The row says: ${(await orm.em.fork().findOneOrFail(Order, 1)).status}`)

await app.close()
await orm.close()
await rm(folder, { recursive: true })
