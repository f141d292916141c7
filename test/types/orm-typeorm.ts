// Compiled by `tsc`, never run: tasks and TypeORM's own types.
import { BaseEntity, DataSource, type EntityManager, type QueryRunner, type Relation } from 'typeorm'
import { Celeriac, lazy, model, models, type AsyncResult, type Ref } from '../../src/index.ts'
import { typeorm } from '../../src/orms/typeorm.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

class User extends BaseEntity {
  declare id: number
  declare name: string
  declare posts: Relation<Post>[]
  greet(lang: string): string {
    return lang + this.name
  }
}
class Post {
  declare id: string
  declare title: string
  declare author: Relation<User>
  publish(): boolean {
    return this.title !== ''
  }
}

declare const dataSource: DataSource
declare const user: User
declare const post: Post
declare const anyPost: Ref<Post>
declare const manager: EntityManager
declare const runner: QueryRunner

const app = new Celeriac('types')
const print = app.task(
  'blog.print',
  async (printed: Post, to: { readonly all: User[] }) => printed.title + to.all.length,
)
const declared = app.task('blog.declared', [model(User), models(Post), lazy(Post)], (by, posts, later) => {
  exactly<typeof by, User>(true)
  exactly<typeof posts, Post[]>(true)
  exactly<typeof later, Ref<Post>>(true)
  return by.posts.length
})
const methods = app.methods(User, ['greet'])

export async function calls(): Promise<void> {
  app.models.use(typeorm(dataSource, { app: 'blog', entities: [User, Post], aliases: { Post: ['blog.Entry'] } }))
  app.models.use(typeorm(new DataSource({ type: 'postgres' }), { app: 'a', db: 'archive' }))
  exactly<Awaited<ReturnType<typeof print.delay>>, AsyncResult<string>>(true)
  await print.delay(post, { all: [user, app.models.ref(User, 5)] })
  await print.delay(anyPost, { all: [] })
  await declared.delay(user, [post, anyPost], anyPost)
  await methods.greet.delay(user, 'en')
  await app.delay(user).greet('en')
  await dataSource.transaction(async (inner) => print.in(inner).delay(post, { all: [] }))
  await print.in(manager).delay(post, { all: [] })
  await print.in(runner).delay(post, { all: [] })

  // @ts-expect-error -- a User where a Post is taken
  await print.delay(user, { all: [] })
  // @ts-expect-error -- the method takes a text
  await methods.greet.delay(user, 5)
  // @ts-expect-error -- no data source
  typeorm({}, { app: 'blog' })
  // @ts-expect-error -- labels need an app
  typeorm(dataSource, {})
}
