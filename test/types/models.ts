// Compiled by `tsc`, never run: what the types of models as arguments promise, for classes and labels.
import {
  Celeriac,
  lazy,
  model,
  models,
  sharedTask,
  taskMethod,
  value,
  type AsyncResult,
  type Ref,
  type Task,
  type TaskContext,
} from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

class User {
  id!: number
  name!: string
  async welcome(lang: string, times?: number): Promise<number> {
    return `${lang}${this.name}`.length * (times ?? 1)
  }
  introduce(other: User): string {
    return this.name + other.name
  }
}
class Order {
  id!: number
  total!: number
  pay(): number {
    return this.total
  }
}
/** A row of an ORM without classes. */
interface Post {
  readonly id: number
  readonly title: string
}
interface Membership {
  readonly orgId: number
  readonly userId: number
  readonly role: string
}

const app = new Celeriac('types')
declare const user: User
declare const order: Order
declare const anyUser: Ref<User>
declare const anyOrder: Ref<Order>
declare const anyPost: Ref<Post>
declare const tx: object

const charge = app.task(
  'shop.charge',
  [model(Order, { lock: 'update', missing: 'discard' }), model(User, { missing: 'null' }), value<number>()],
  async (paid, payer, cents) => {
    exactly<typeof paid, Order>(true)
    exactly<typeof payer, User | null>(true)
    exactly<typeof cents, number>(true)
    return paid.total + cents
  },
)
const notify = app.task('shop.notify', [models(User), lazy(Order)], (users, ordered) => {
  exactly<typeof users, User[]>(true)
  exactly<typeof ordered, Ref<Order>>(true)
  return users.length
})
const perTask = app.task(
  'shop.perTask',
  {
    missing: 'null',
    maxRetries: 1,
    takes: [model(User), model(Order, { missing: 'error' }), models(User), lazy(User)],
  },
  function (this: TaskContext, first, second, all, later) {
    exactly<typeof first, User | null>(true)
    exactly<typeof second, Order>(true)
    exactly<typeof all, (User | null)[]>(true)
    exactly<typeof later, Ref<User>>(true)
    return this.request.id
  },
)
const plainTask = app.task('shop.plain', { grace: '1s', takes: [model(User)] }, (first) => first.name)
const rows = sharedTask(
  'blog.rows',
  [model<Post>('blog.Post'), model<Membership, 'orgId' | 'userId'>('blog.Membership', { missing: 'null' })],
  (post, membership) => {
    exactly<typeof post, Post>(true)
    exactly<typeof membership, Membership | null>(true)
    return post.title
  },
)
const labels = app.task(
  'blog.labels',
  {
    missing: 'null',
    takes: [model<Post>('blog.Post'), models<Post>('blog.Post', { missing: 'error' }), lazy<Post>('blog.Post')],
  },
  (post, posts, later) => {
    exactly<typeof post, Post | null>(true)
    exactly<typeof posts, Post[]>(true)
    exactly<typeof later, Ref<Post>>(true)
  },
)
const inferred = app.task('shop.inferred', async (bought: Order, to: { user: User }) => bought.total + to.user.id)
const nulls = app.task(
  'shop.nulls',
  { missing: 'null' },
  (list: (User | null)[], rest: { by: User | null }) => [list, rest].length,
)
/** Data that holds itself, and rows. */
interface Bundle {
  readonly owner: User | null
  readonly inner?: Bundle
  readonly others: readonly (Bundle | User | null)[]
}
const bundled = app.task('shop.bundled', { missing: 'null' }, (bundle: Bundle) => bundle.owner?.id)
interface Strict {
  readonly owner: User
  readonly inner?: Strict
}
const restricted = app.task(
  'shop.restricted',
  { models: [User, 'shop.Order'], changed: 'error' },
  (who: User) => who.name,
)
const user$ = app.methods(User, ['welcome', 'introduce'], { missing: 'discard', queue: 'mail' })

export async function calls(): Promise<void> {
  exactly<Parameters<typeof charge.delay>, [Order | Ref<Order>, User | Ref<User>, number]>(true)
  exactly<typeof charge, Task<[Order, User | null, number], number, [Order | Ref<Order>, User | Ref<User>, number]>>(
    true,
  )
  exactly<Awaited<ReturnType<typeof charge.delay>>, AsyncResult<number>>(true)
  await charge.delay(order, anyUser, 5)
  await charge.in(tx).delay(anyOrder, user, 5)
  await charge.applyAsync([order, user, 5], { countdown: 5 })
  await charge.applyAsyncOnCommit([order, user, 5])
  await charge.delayOnCommit(order, user, 5)
  await charge.delayMany([[order, user, 5]])
  await charge(order, null, 5)
  await notify.delay([user, anyUser], order)
  await perTask.delay(user, order, [anyUser], anyUser)
  await plainTask.delay(user)
  await rows.delay({ id: 5 }, { orgId: 1, userId: 2 })
  await rows.delay(anyPost, app.models.ref<Membership>('blog.Membership', [1, 2]))
  await labels.delay({ id: 1 }, [anyPost, { id: 2 }], { id: 3 })
  await inferred.delay(anyOrder, { user })
  await nulls.delay([user, null, anyUser], { by: user })
  await bundled.delay({ owner: anyUser, inner: { owner: null, others: [user] }, others: [] })
  await restricted.delay(anyUser)

  exactly<Awaited<ReturnType<typeof user$.welcome.delay>>, AsyncResult<number>>(true)
  exactly<Parameters<typeof user$.welcome.delay>, [self: User | Ref<User>, lang: string, times?: number | undefined]>(
    true,
  )
  await user$.welcome.delay(user, 'en')
  await user$.welcome.delay(app.models.ref(User, 5), 'en', 2)
  await user$.introduce.delay(user, anyUser)
  exactly<Awaited<ReturnType<ReturnType<typeof app.delay<User>>['welcome']>>, AsyncResult<number>>(true)
  const welcomed: AsyncResult<number> = await app.delay(user).welcome('en')
  const introduced: AsyncResult<string> = await app.delay(anyUser).introduce(anyUser)
  const marked = app.methods(User)
  await marked.welcome?.delay(user, welcomed.id + introduced.id)

  // @ts-expect-error -- a User where an Order is declared
  await charge.delay(user, user, 5)
  // @ts-expect-error -- a text where a number is declared
  await charge.delay(order, user, '5')
  // @ts-expect-error -- null is what the body gets, not what a caller gives
  await charge.delay(order, null, 5)
  // @ts-expect-error -- a list is declared
  await notify.delay(user, order)
  // @ts-expect-error -- a reference to another model
  await notify.delay([anyOrder], order)
  // @ts-expect-error -- a part of the key is not there
  await rows.delay({ id: 5 }, { orgId: 1 })
  // @ts-expect-error -- a hand-made object is no instance
  await plainTask.delay({ id: 1, name: 'x' })
  // @ts-expect-error -- not a method of the model
  app.methods(User, ['name'])
  // @ts-expect-error -- a method was not made a task
  await user$.toString.delay(user)
  // @ts-expect-error -- an argument of the method is of another type
  await app.delay(user).welcome(5)
  // @ts-expect-error -- no method of the model
  await app.delay(user).wellcome('en')
  // @ts-expect-error -- a method cannot run without its instance
  app.methods(User, ['welcome'], { missing: 'null' })
  // @ts-expect-error -- the body does not take null where a row may be gone
  app.task('shop.wrong', { missing: 'null' }, (who: User) => who.name)
  // @ts-expect-error -- nor deep in its arguments
  app.task('shop.wrong', { missing: 'null' }, (to: { list: User[] }) => to.list.length)
  // @ts-expect-error -- nor in data that holds itself
  app.task('shop.wrong', { missing: 'null' }, (bundle: Strict) => bundle.owner.id)
  // @ts-expect-error -- no such policy
  app.task('shop.wrong', [model(User, { missing: 'ignore' })], (who) => who.name)
  // @ts-expect-error -- a lock makes no sense for what is loaded later
  app.task('shop.wrong', [lazy(User, { lock: 'update' })], (who) => who.label)
  // @ts-expect-error -- the body takes another type than declared
  app.task('shop.wrong', [model(User)], (who: Order) => who.total)
  // @ts-expect-error -- a task declares its arguments or restricts them
  app.task('shop.wrong', { takes: [model(User)], models: [User] }, (who) => who)
}

export class Decorated {
  id = 1
  @taskMethod({ queue: 'mail' })
  greet(name: string): string {
    return name + this.id
  }
}
