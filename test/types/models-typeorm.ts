// Compiled by `tsc`, never run: models as arguments with TypeORM's real types, recursive entities among them.
import { BaseEntity, type DataSource, type Relation } from 'typeorm'
import { Celeriac, lazy, model, models, value, type AsyncResult, type Ref } from '../../src/index.ts'
import { typeorm } from '../../src/orms/typeorm.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

class User extends BaseEntity {
  id!: number
  name!: string
  posts!: Relation<Post>[]
  profile!: Promise<Post | null>
  async welcome(lang: string): Promise<number> {
    return `${lang}${this.name}`.length
  }
}
class Post extends BaseEntity {
  id!: bigint
  author!: Relation<User>
  tags!: string[]
  publish(at: Date, editor: User): { readonly at: Date; readonly by: string } {
    return { at, by: editor.name }
  }
}
/** Columns only: nothing about the type says that it is a model. */
class Seat {
  row!: number
  seat!: string
}

declare const dataSource: DataSource
declare const user: User
declare const post: Post
declare const seat: Seat
declare const seatRef: Ref<Seat>

const app = new Celeriac('types')
app.models.use(typeorm(dataSource, { app: 'blog', entities: [User, Post, Seat] }))

const publish = app.task(
  'blog.publish',
  {
    lock: 'update',
    takes: [model(Post, { with: ['author'] }), models(User), model(Seat, { missing: 'null' }), value<Date>()],
  },
  async (draft, readers, place, at) => {
    exactly<typeof draft, Post>(true)
    exactly<typeof readers, User[]>(true)
    exactly<typeof place, Seat | null>(true)
    await draft.save()
    return draft.publish(at, readers[0] ?? draft.author).by
  },
)
const reserve = app.task('blog.reserve', (place: Seat, by: { user: User }) => place.row + by.user.id)
const later = app.task('blog.later', [lazy(Post)], async (draft) => (await draft.load()).tags)
const methods = app.methods(User, ['welcome', 'save'])

export async function calls(): Promise<readonly AsyncResult<unknown>[]> {
  const published: AsyncResult<string> = await publish.delay(post, [user], seat, new Date())
  await publish.delay(app.models.ref(Post, 5n), [app.models.ref(User, 1)], seatRef, new Date())
  await reserve.delay(seat, { user })
  await reserve.delay(seatRef, { user: app.models.ref(User, 1) })
  const tags: AsyncResult<string[]> = await later.delay(post)
  const welcomed: AsyncResult<number> = await methods.welcome.delay(user, 'en')
  const byProxy: AsyncResult<number> = await app.delay(user).welcome('en')
  const at: AsyncResult<{ readonly at: Date; readonly by: string }> = await app
    .delay(app.models.ref(Post, 1))
    .publish(new Date(), user)
  exactly<Parameters<typeof methods.welcome.delay>, [self: User | Ref<User>, lang: string]>(true)
  const results: readonly AsyncResult<unknown>[] = [published, tags, welcomed, byProxy, at]

  // @ts-expect-error -- an entity of another class
  await publish.delay(user, [user], seat, new Date())
  // @ts-expect-error -- a reference to another class
  await later.delay(app.models.ref(User, 1))
  // @ts-expect-error -- a hand-made object is no entity
  await publish.delay({ id: 1n, tags: [] }, [user], seat, new Date())
  // @ts-expect-error -- an argument of the method
  await app.delay(post).publish('today', user)
  // @ts-expect-error -- a column is no method
  app.methods(Post, ['tags'])
  return results
}
