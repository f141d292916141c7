// Drizzle rows as arguments: a task gets the row as it is when it runs, and nothing of a transaction that failed.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createClient } from '@libsql/client'
import { eq, sql } from 'drizzle-orm'
import { drizzle as connect } from 'drizzle-orm/libsql'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { Celeriac, model, Worker } from '../../src/index.ts'
import { drizzle } from '../../src/orms/drizzle.ts'

const orders = sqliteTable('orders', { id: integer().primaryKey(), customer: text().notNull(), status: text() })

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-drizzle-'))
const client = createClient({ url: `file:${path.join(folder, 'shop.db')}` })
const db = connect({ client })
await db.run(sql`CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, status TEXT)`)

const app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'tasks.db')}` })
app.models.use(drizzle(db, { app: 'shop', sql, models: { Order: orders } }))
const ship = app.task('shop.ship', [model(orders)], async ({ id, customer }) => {
  const status = `shipped to ${customer}`
  await db.update(orders).set({ status }).where(eq(orders.id, id))
  return status
})

const result = await db.transaction(async (tx) => {
  const order = await tx.insert(orders).values({ customer: 'Ann' }).returning().get()
  const called = await ship.delay(order) // waits for the commit; what is sent is label and key
  await tx.update(orders).set({ customer: 'Bea' })
  return called
})
const undone = db.transaction(async (tx) => {
  for (const order of await tx.select().from(orders)) await ship.delay(order)
  throw new Error('something went wrong')
})
await undone.catch((error: Error) => console.log(`Rolled back, and nothing was sent: ${error.message}`))

let ran = 0
app.on('taskPostrun', () => void ran++)
await new Worker(app, { drain: true }).run()
console.log(`Tasks that ran: ${ran}`)
console.log(`The task says: ${await result.get({ timeout: '10s' })}`)
const [row] = await db.select().from(orders)
console.log(`The row says: ${row?.status}`)

await app.close()
client.close()
await rm(folder, { recursive: true })
