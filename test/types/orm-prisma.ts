// Compiled by `tsc -p examples/prisma`, never run: tasks and the types of a client that Prisma generated.
import { Celeriac, lazy, model, models, type AsyncResult, type Ref } from '../../src/index.ts'
import { prisma } from '../../src/orms/prisma.ts'
import type { Prisma, PrismaClient, Order } from '../../examples/prisma/generated/client.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

declare const plain: PrismaClient
declare const order: Order
declare const anyOrder: Ref<Order>
declare const keyless: { customer: string }

const app = new Celeriac('types')
const orm = prisma(plain, {
  app: 'shop',
  keys: { Order: 'id' },
  version: 'version',
  aliases: { Order: ['shop.Purchase'] },
})
app.models.use(orm)
exactly<typeof orm.client, PrismaClient>(true)
exactly<ReturnType<typeof orm.tag<Order>>, Order>(true)

const inferred = app.task('types.inferred', (one: Order, rest: { list: Order[] }) => one.id + rest.list.length)
const declared = app.task(
  'types.declared',
  [model<Order>('shop.Order', { missing: 'null' }), models<Order>('shop.Order'), lazy<Order>('shop.Order')],
  (one, list, ref) => {
    exactly<typeof one, Order | null>(true)
    exactly<typeof list, Order[]>(true)
    exactly<typeof ref, Ref<Order>>(true)
    return list.length
  },
)

export async function calls(): Promise<void> {
  const result = await inferred.delay(order, { list: [anyOrder, order] })
  exactly<typeof result, AsyncResult<number>>(true)
  await declared.delay(order, [order, anyOrder], anyOrder)
  await declared.delay({ id: 1 }, [], app.models.ref<Order>('shop.Order', 1))
  // @ts-expect-error a row without its key
  await declared.delay(keyless, [], anyOrder)
  // @ts-expect-error a bare key is no row
  await inferred.delay(1, { list: [] })

  await orm.client.$transaction(async (tx) => {
    exactly<typeof tx, Prisma.TransactionClient>(true)
    await inferred.in(tx).delay(await tx.order.findUniqueOrThrow({ where: { id: 1 } }), { list: [] })
  })
  const extended = orm.client.$extends({ result: { order: { label: { compute: () => 'label' } } } })
  await inferred.delay(await extended.order.findFirstOrThrow(), { list: [] })
  // @ts-expect-error not a client
  prisma({}, { app: 'shop' })
  // @ts-expect-error labels have two halves
  prisma(plain, {})
}
