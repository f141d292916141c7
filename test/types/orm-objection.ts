// Compiled by `tsc`, never run: tasks and the types of Objection and Knex.
import type { Knex } from 'knex'
import { Model, type RelationMappings, type Transaction } from 'objection'
import { Celeriac, lazy, model, models, type AsyncResult, type Ref } from '../../src/index.ts'
import { objection } from '../../src/orms/objection.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

class User extends Model {
  static override tableName = 'users'
  static override relationMappings = (): RelationMappings => ({})
  declare id: string
  declare name: string
  declare orders?: Order[]
  welcome(language: string): string {
    return `${language}: ${this.name}`
  }
}
class Order extends Model {
  static override tableName = 'orders'
  static override idColumn: string[] = ['year', 'nr']
  declare year: number
  declare nr: number
  declare user?: User
}

declare const knex: Knex
declare const typedKnex: Knex<{ id: number }, { id: number }[]>
declare const trx: Transaction
declare const user: User
declare const order: Order
declare const anyOrder: Ref<Order>

const app = new Celeriac('types')
const ship = app.task('shop.ship', async (shipped: Order, to: { readonly all: User[] }) => shipped.nr + to.all.length)
const declared = app.task('shop.declared', [model(User), models(Order), lazy(Order)], (who, orders, later) => {
  exactly<typeof who, User>(true)
  exactly<typeof orders, Order[]>(true)
  exactly<typeof later, Ref<Order>>(true)
  return who.name
})
const maybe = app.task('shop.maybe', [model(User, { missing: 'null', lock: 'update' })], (who) => {
  exactly<typeof who, User | null>(true)
  return who?.name
})
const methods = app.methods(User, ['welcome'])

export async function calls(): Promise<void> {
  app.models.use(objection(knex, [User, Order], { app: 'shop', version: 'version' }))
  app.models.use(objection(typedKnex, [], { app: 'plain', db: 'archive' }))
  app.models.use(
    objection(knex, [User], { app: 'a', version: { User: 'updatedAt' }, deletedAt: { User: 'deletedAt' } }),
  )
  exactly<Awaited<ReturnType<typeof ship.delay>>, AsyncResult<number>>(true)
  await ship.delay(order, { all: [user, app.models.ref(User, '1')] })
  await ship.delay(anyOrder, { all: [] })
  await declared.delay(user, [order, anyOrder], order)
  await maybe.delay(user)
  await methods.welcome.delay(user, 'en')
  await ship.in(trx).delay(order, { all: [] })
}

export function refused(): void {
  // @ts-expect-error not a model
  objection(knex, [Date], { app: 'shop' })
  // @ts-expect-error not a Knex
  objection({}, [User], { app: 'shop' })
  // @ts-expect-error a plain object is no Order
  void declared.delay(user, [{ year: 2026, nr: 1 }], order)
  // @ts-expect-error takes a language
  void methods.welcome.delay(user, 1)
}
