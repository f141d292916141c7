// Compiled by `tsc`, never run: tasks and Sequelize's own types.
import {
  Model,
  Sequelize,
  type CreationOptional,
  type ForeignKey,
  type InferAttributes,
  type InferCreationAttributes,
  type NonAttribute,
} from 'sequelize'
import { Celeriac, lazy, model, models, type AsyncResult, type Ref } from '../../src/index.ts'
import { sequelize } from '../../src/orms/sequelize.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

class User extends Model<InferAttributes<User>, InferCreationAttributes<User>> {
  declare id: CreationOptional<number>
  declare name: string
  declare posts?: NonAttribute<Post[]>
  greet(lang: string): string {
    return lang + this.name
  }
}
class Post extends Model<InferAttributes<Post>, InferCreationAttributes<Post>> {
  declare id: CreationOptional<string>
  declare title: string
  declare authorId: ForeignKey<User['id']>
}

declare const database: Sequelize
declare const user: User
declare const post: Post
declare const anyPost: Ref<Post>
const untyped = database.define('Note', {})

const app = new Celeriac('types')
const print = app.task(
  'blog.print',
  async (printed: Post, to: { readonly all: User[] }) => printed.title + to.all.length,
)
const declared = app.task('blog.declared', [model(User), models(Post), lazy(Post)], (by, posts, later) => {
  exactly<typeof by, User>(true)
  exactly<typeof posts, Post[]>(true)
  exactly<typeof later, Ref<Post>>(true)
  return by.posts?.length
})
const note = app.task('blog.note', [model(untyped)], (taken) => taken.isNewRecord)
const methods = app.methods(User, ['greet'])

export async function calls(): Promise<void> {
  app.models.use(sequelize(database, { app: 'blog', models: [User, Post, untyped], aliases: { Post: ['blog.Entry'] } }))
  app.models.use(sequelize(new Sequelize('sqlite::memory:'), { app: 'a', db: 'archive' }))
  exactly<Awaited<ReturnType<typeof print.delay>>, AsyncResult<string>>(true)
  await print.delay(post, { all: [user, app.models.ref(User, 5)] })
  await print.delay(anyPost, { all: [] })
  await declared.delay(user, [post, anyPost], anyPost)
  await note.delay(untyped.build())
  await methods.greet.delay(user, 'en')
  await app.delay(user).greet('en')
  await database.transaction(async (transaction) => print.in(transaction).delay(post, { all: [] }))

  // @ts-expect-error -- a User where a Post is taken
  await print.delay(user, { all: [] })
  // @ts-expect-error -- the method takes a text
  await methods.greet.delay(user, 5)
  // @ts-expect-error -- no Sequelize
  sequelize({}, { app: 'blog' })
  // @ts-expect-error -- labels need an app
  sequelize(database, {})
}
