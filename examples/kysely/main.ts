// Kysely rows as arguments: a task gets the row as it is when it runs, and nothing of a transaction that failed.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Kysely, type Selectable, SqliteDialect } from 'kysely'
import { Celeriac, model, Worker } from '../../src/index.ts'
import { kysely } from '../../src/orms/kysely.ts'
import { nodeSqlite } from './node-sqlite.ts'

interface Orders {
  id: number
  customer: string
  status: string | null
}

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-kysely-'))
const file = path.join(folder, 'shop.db')
const db = new Kysely<{ orders: Orders }>({ dialect: new SqliteDialect({ database: nodeSqlite(file) }) })
await db.schema
  .createTable('orders')
  .addColumn('id', 'integer', (column) => column.primaryKey())
  .addColumn('customer', 'text')
  .addColumn('status', 'text')
  .execute()

const app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'tasks.db')}` })
app.models.use(kysely(db, { Order: { table: 'orders' } }, { app: 'shop', file }))
const ship = app.task('shop.ship', [model<Selectable<Orders>>('shop.Order')], async (order) => {
  const status = `shipped to ${order.customer}`
  await db.updateTable('orders').set({ status }).where('id', '=', order.id).execute()
  return status
})

const result = await db.transaction().execute(async (trx) => {
  const order = await trx
    .insertInto('orders')
    .values({ id: 1, customer: 'Ann' })
    .returningAll()
    .executeTakeFirstOrThrow()
  const called = await ship.delay(order) // waits for the commit; what is sent is label and key
  await trx.updateTable('orders').set({ customer: 'Bea' }).execute()
  return called
})
const undone = db.transaction().execute(async (trx) => {
  await ship.delay(await trx.selectFrom('orders').selectAll().executeTakeFirstOrThrow())
  throw new Error('something went wrong')
})
await undone.catch((error: Error) => console.log(`Rolled back, and nothing was sent: ${error.message}`))

let ran = 0
app.on('taskPostrun', () => void ran++)
await new Worker(app, { drain: true }).run()
console.log(`Tasks that ran: ${ran}`)
console.log(`The task says: ${await result.get({ timeout: '10s' })}`)
const row = await db.selectFrom('orders').select('status').executeTakeFirstOrThrow()
console.log(`The row says: ${row.status}`)

await app.close()
await db.destroy()
await rm(folder, { recursive: true })
