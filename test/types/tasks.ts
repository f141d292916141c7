// Compiled by `tsc`, never run: what a task's types promise.
import { Celeriac, sharedTask, type AsyncResult, type Ref, type TaskContext } from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<T>(_value: T): void {}
function exactly<A, B>(_same: Equal<A, B>): void {}

class User {
  id!: number
  name!: string
  greet(): string {
    return `hello ${this.name}`
  }
}

const app = new Celeriac('types')

const add = app.task('types.add', (x: number, y: number) => x + y)
const later = app.task('types.later', { maxRetries: 5 }, async (text: string) => text.length)
const bound = app.task('types.bound', function (this: TaskContext, flag?: boolean) {
  return this.request.id + String(flag)
})
const welcome = sharedTask(
  'types.welcome',
  async (user: User, extra: { readonly friends: User[]; readonly lang: string }) => [user.name, extra.lang] as const,
)
type Json = string | number | boolean | null | Json[] | { [name: string]: Json }
interface Tree {
  readonly value: number
  readonly children: Tree[]
}
const walk = app.task('types.walk', (tree: Tree, more: Json, ...rest: [string, ...number[]]) => [
  tree,
  more,
  rest.length,
])
declare const user: User
declare const ref: Ref<User>

export async function calls(): Promise<void> {
  const sum = await add.delay(1, 2)
  expectType<AsyncResult<number>>(sum)
  exactly<Awaited<ReturnType<typeof sum.get>>, number>(true)
  exactly<Awaited<ReturnType<typeof later>>, number>(true)
  exactly<typeof later.name, string>(true)
  expectType<AsyncResult<string>>(await bound.applyAsync([], { countdown: '10s', queue: 'mail' }))
  expectType<AsyncResult<number>[]>(await add.delayMany([[1, 2]]))
  expectType<AsyncResult<readonly [string, string]>>(await welcome.delay(user, { friends: [ref, user], lang: 'en' }))
  await welcome.delay(ref, { friends: [], lang: 'en' })
  expectType<AsyncResult<unknown>>(await app.send('py.tasks.resize', [42], { kwargs: { width: 80 } }))

  await walk.delay({ value: 1, children: [{ value: 2, children: [] }] }, [1, { deep: [null] }], 'a', 1, 2)

  // @ts-expect-error -- a wrong argument
  await add.delay(1, '2')
  // @ts-expect-error -- one argument too few
  await add.delay(1)
  // @ts-expect-error -- one too many
  await later.delay('a', 'b')
  // @ts-expect-error -- wrong deep in a type that holds itself
  await walk.delay({ value: 1, children: [{ value: '2', children: [] }] }, null, 'a')
  // @ts-expect-error -- no data
  await walk.delay({ value: 1, children: [] }, [[undefined]], 'a')
  // @ts-expect-error -- a list that begins otherwise
  await walk.delay({ value: 1, children: [] }, null, 1)
  // @ts-expect-error -- no such option of a call
  await add.applyAsync([1, 2], { countdwon: 1 })
  // @ts-expect-error -- no such option of a task
  app.task('types.wrong', { maxRetrys: 1 }, () => 1)
  // @ts-expect-error -- plain data is no model with methods
  await welcome.delay({ id: 1, name: 'x' }, { friends: [], lang: 'en' })
  // @ts-expect-error -- not a duration
  await add.applyAsync([1, 2], { countdown: '10 minutes' })
  // @ts-expect-error -- no such signal
  app.on('taskPreran', () => undefined)
}

app.on('taskPrerun', ({ context, args }) => {
  expectType<TaskContext>(context)
  expectType<readonly unknown[]>(args)
})
