// Prisma rows as arguments: a task gets the row as it is when it runs, and nothing of a transaction that failed.
// The client in generated/ was made from schema.prisma by `prisma generate`.
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { Celeriac, model, Worker } from '../../src/index.ts'
import { prisma } from '../../src/orms/prisma.ts'
import { PrismaClient, type Order } from './generated/client.ts'

const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-prisma-'))
const adapter = new PrismaLibSql({ url: `file:${path.join(folder, 'shop.db')}` })
const orm = prisma(new PrismaClient({ adapter }), { app: 'shop' })
const db = orm.client
await db.$executeRaw`CREATE TABLE "Order" (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, status TEXT)`

const app = new Celeriac('shop', { broker: `sqlite:${path.join(folder, 'tasks.db')}` })
app.models.use(orm)
const ship = app.task('shop.ship', [model<Order>('shop.Order')], async ({ id, customer }) => {
  const { status } = await db.order.update({ where: { id }, data: { status: `shipped to ${customer}` } })
  return status
})

const result = await db.$transaction(async (tx) => {
  const order = await tx.order.create({ data: { customer: 'Ann' } })
  const called = await ship.delay(order) // waits for the commit; what is sent is label and key
  await tx.order.update({ where: { id: order.id }, data: { customer: 'Bea' } })
  return called
})
const undone = db.$transaction(async (tx) => {
  await ship.delay(await tx.order.findFirstOrThrow())
  throw new Error('something went wrong')
})
await undone.catch((error: Error) => console.log(`Rolled back, and nothing was sent: ${error.message}`))

let ran = 0
app.on('taskPostrun', () => void ran++)
await new Worker(app, { drain: true }).run()
console.log(`Tasks that ran: ${ran}`)
console.log(`The task says: ${await result.get({ timeout: '10s' })}`)
const { status } = await db.order.findFirstOrThrow()
console.log(`The row says: ${status}`)

await app.close()
await db.$disconnect()
await rm(folder, { recursive: true })
