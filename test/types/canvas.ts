// Compiled by `tsc`, never run: what the types of signatures and workflows promise.
import {
  Celeriac,
  chain,
  chord,
  chunks,
  group,
  replace,
  xmap,
  xstarmap,
  type AnySignature,
  type AsyncResult,
  type GroupResult,
  type Signature,
} from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

class User {
  id!: number
  async welcome(lang: string, times?: number): Promise<number> {
    return lang.length * (times ?? 1)
  }
}
declare const user: User

const app = new Celeriac('types')
const add = app.task('types.add', (x: number, y: number) => x + y)
const show = app.task('types.show', (text: string, times?: number) => text.repeat(times ?? 1))
const count = app.task('types.count', async (...texts: string[]) => texts.length)
const find = app.task('types.find', (id: number) => Object.assign(user, { id }))
const rename = app.task('types.rename', (one: User, name: string) => [one.id, name].length)
const failed = app.task('types.failed', (taskId: string) => taskId)

export async function signatures(): Promise<void> {
  exactly<ReturnType<typeof add.s<[number, number]>>, Signature<[], number>>(true)
  const addTwo = add.s(2)
  exactly<typeof addTwo, Signature<[number], number>>(true)
  const twice = show.s(2)
  exactly<typeof twice, Signature<[string], string>>(true)
  const either = show.s()
  exactly<typeof either, Signature<[string] | [string, number | undefined], string>>(true)
  await addTwo.delay(1)
  await either.delay('a')
  await either.applyAsync(['a', 2], { countdown: '1s' })
  await count.s('a').delay('b', 'c')
  const sum = await addTwo.clone(5).set({ queue: 'sums' }).delay()
  exactly<typeof sum, AsyncResult<number>>(true)
  addTwo.link(add.s(3)).linkError(failed.s()).stamp({ tenant: 5 })
  rename.signature(['Ada'], { immutable: true, priority: 3 })

  // @ts-expect-error -- a wrong argument
  add.s('a')
  // @ts-expect-error -- one argument too many
  add.s(1, 2, 3)
  // @ts-expect-error -- one is still missing
  await addTwo.delay()
  // @ts-expect-error -- nothing is missing any more
  await addTwo.clone(5).delay(4)
  // @ts-expect-error -- an immutable signature is complete
  add.si(1)
  // @ts-expect-error -- a callback that takes no number
  addTwo.link(show.s())
  // @ts-expect-error -- a callback for errors that takes no id
  addTwo.linkError(add.s())
}

export async function methods(): Promise<void> {
  const welcomed = app.s(user).welcome(2)
  exactly<typeof welcomed, Signature<[string], number>>(true)
  const whole = chain(show.s('a'), app.s(user).welcome(2), app.si(user).welcome('en'), add.s(5))
  exactly<typeof whole, Signature<[], number>>(true)
  const method = app.methods(User, ['welcome'])
  chain(find.s(5), method.welcome.s('en'), add.s(1))
  chain(show.s('a'), app.s(app.models.ref(User, 5)).welcome())
  // @ts-expect-error -- the method takes a text first, not a number
  chain(add.s(1, 2), app.s(user).welcome())
  // @ts-expect-error -- not a method
  app.s(user).wellcome('en')
  // @ts-expect-error -- an immutable signature is complete
  app.si(user).welcome()
  await whole.delay()
}

export async function chains(): Promise<void> {
  const sum = chain(add.s(1, 2), add.s(3), add.s(4))
  exactly<typeof sum, Signature<[], number>>(true)
  const partial = chain(add.s(2), count.si('a'), add.s(1))
  exactly<typeof partial, Signature<[number], number>>(true)
  const through = chain(partial, chain(add.s(1), add.s(2)), app.signature<string>('py.show'), count.s())
  exactly<typeof through, Signature<[number], number>>(true)
  exactly<Awaited<ReturnType<typeof through.delay>>, AsyncResult<number>>(true)
  const renamed = chain(find.s(5), rename.s('Ada'))
  exactly<typeof renamed, Signature<[], number>>(true)
  const list: AnySignature[] = [add.s(1, 2)]
  await chain(...list).delay()
  await through.delay(5)

  // @ts-expect-error -- show cannot take a number
  chain(add.s(1, 2), show.s())
  // @ts-expect-error -- a complete call has no room for a result
  chain(count.s('a'), add.s(1, 2))
  // @ts-expect-error -- the chain still takes a number
  await partial.delay()
  // @ts-expect-error -- rename takes a User
  chain(add.s(1, 2), rename.s('Ada'))
}

export async function groups(): Promise<void> {
  const sum = app.task('types.sum', (numbers: readonly number[]) => numbers.length)
  const both = app.task('types.both', ([number, text]: readonly [number, string]) => `${number}${text}`)
  const two = group(add.s(1, 2), show.s('a'))
  exactly<typeof two, Signature<[], [number, string], GroupResult<[number, string]>>>(true)
  const same = group([1, 2, 3].map((n) => add.s(n, n)))
  exactly<typeof same, Signature<[], number[], GroupResult<number[]>>>(true)
  const open = group(add.s(1), chain(add.s(2), add.s(3)))
  exactly<Awaited<ReturnType<typeof open.delay>>, GroupResult<[number, number]>>(true)
  const flat = group(two, add.s(1, 2))
  exactly<Awaited<ReturnType<Awaited<ReturnType<typeof flat.delay>>['get']>>, [number, string, number]>(true)
  const summed = chord(same, sum.s())
  exactly<typeof summed, Signature<[], number>>(true)
  const upgraded = chain(add.s(1, 2), group(add.s(1), add.s(2)), sum.s(), add.s(5))
  exactly<typeof upgraded, Signature<[], number>>(true)
  const paired = chain(two, both.s(), count.s())
  exactly<Awaited<ReturnType<typeof paired.delay>>, AsyncResult<number>>(true)
  chord(group(add.s(1, 2), add.s(3, 4)), sum.s())
  const lists = chunks(add, [[1, 2]], 10)
  exactly<Awaited<ReturnType<typeof lists.delay>>, GroupResult<number[][]>>(true)
  exactly<typeof mapped, Signature<[], string[]>>(true)
  await open.delay(5)
  const replaced = app.task('types.replaced', (x: number): number => replace(add.s(x, 1)))
  await replaced.delay(1)

  // @ts-expect-error -- the body takes numbers, not a number and a text
  chord(two, sum.s())
  // @ts-expect-error -- the members' results are not what the body takes
  chain(group(show.s('a'), show.s('b')), sum.s())
  // @ts-expect-error -- all members must be able to take what comes before
  chain(add.s(1, 2), group(add.s(1), show.s()))
  // @ts-expect-error -- a member that still takes an argument
  await open.delay()
  // @ts-expect-error -- items that are no arguments of the task
  xstarmap(add, [['a', 2]])
  // @ts-expect-error -- items that the task does not take
  xmap(show, [1])
}
const mapped = xmap(show, ['a', 'b'])
