// Objection models as arguments: a task gets the row as it is when it runs, and nothing of a transaction that failed.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import knexModule from 'knex'
import { Model } from 'objection'
import { Celeriac, Worker } from '../../src/index.ts'
import { objection } from '../../src/orms/objection.ts'

class Order extends Model {
  static override tableName = 'orders'
  declare id: number
  declare customer: string
  declare status: string | null
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-objection-'))
const knex = knexModule.default({
  client: 'better-sqlite3',
  connection: { filename: path.join(folder, 'shop.db') },
  useNullAsDefault: true,
})
await knex.schema.createTable('orders', (table) => {
  table.increments()
  table.string('customer')
  table.string('status')
})
Model.knex(knex)

const app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'tasks.db')}` })
app.models.use(objection(knex, [Order], { app: 'shop' }))
const ship = app.task('shop.ship', async (order: Order) => {
  await order.$query().patch({ status: `shipped to ${order.customer}` })
  return order.status
})

const result = await knex.transaction(async (trx) => {
  const order = await Order.query(trx).insert({ customer: 'Ann' })
  const called = await ship.delay(order) // waits for the commit; what is sent is label and key
  await order.$query(trx).patch({ customer: 'Bea' })
  return called
})
const undone = Order.transaction(async (trx) => {
  await ship.delay(await Order.query(trx).findById(1).throwIfNotFound())
  throw new Error('something went wrong')
})
await undone.catch((error: Error) => console.log(`Rolled back, and nothing was sent: ${error.message}`))

let ran = 0
app.on('taskPostrun', () => void ran++)
await new Worker(app, { drain: true }).run()
console.log(`Tasks that ran: ${ran}`)
console.log(`The task says: ${await result.get({ timeout: '10s' })}`)
console.log(`The row says: ${(await Order.query().findById(1))?.status}`)

await app.close()
await knex.destroy()
await rm(folder, { recursive: true })
