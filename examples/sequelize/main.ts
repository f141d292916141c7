// Sequelize models as arguments: a task gets the row as it is when it runs, and nothing of a transaction that failed.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { DataTypes, Model, Sequelize, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Celeriac, Worker } from '../../src/index.ts'
import { sequelize } from '../../src/orms/sequelize.ts'
// Instead of the package sqlite3, which needs a compiler.
import { nodeSqlite } from './node-sqlite.ts'

class Order extends Model<InferAttributes<Order>, InferCreationAttributes<Order>> {
  declare id: number
  declare customer: string
  declare status: string | null
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-sequelize-'))
const database = new Sequelize({
  dialect: 'sqlite',
  dialectModule: nodeSqlite,
  storage: path.join(folder, 'shop.db'),
  logging: false,
})
Order.init(
  { id: { type: DataTypes.INTEGER, primaryKey: true }, customer: DataTypes.STRING, status: DataTypes.STRING },
  { sequelize: database, version: true },
)
await database.sync()

const app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'tasks.db')}` })
app.models.use(sequelize(database, { app: 'shop' })) // after the models are defined
const ship = app.task('shop.ship', async (order: Order) => {
  await order.update({ status: `shipped to ${order.customer}` })
  return order.status
})

const result = await database.transaction(async (transaction) => {
  const order = await Order.create({ id: 1, customer: 'Ann', status: null }, { transaction })
  const called = await ship.delay(order) // waits for the commit; what is sent is label and key
  await order.update({ customer: 'Bea' }, { transaction })
  return called
})
const undone = database.transaction(async (transaction) => {
  await ship.delay(await Order.findByPk(1, { transaction, rejectOnEmpty: true }))
  throw new Error('something went wrong')
})
await undone.catch((error: Error) => console.log(`Rolled back, and nothing was sent: ${error.message}`))

let ran = 0
app.on('taskPostrun', () => void ran++)
await new Worker(app, { drain: true }).run()
console.log(`Tasks that ran: ${ran}`)
console.log(`The task says: ${await result.get({ timeout: '10s' })}`)
console.log(`The row says: ${(await Order.findByPk(1))?.status}`)

await app.close()
await database.close()
await rm(folder, { recursive: true })
