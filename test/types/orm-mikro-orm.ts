// Compiled by `tsc`, never run: tasks and MikroORM's own types.
import { MikroORM as MariaDb } from '@mikro-orm/mariadb'
import { Collection, type EntityManager, type MikroORM, type Opt, type Ref as EntityRef } from '@mikro-orm/postgresql'
import { MikroORM as Sqlite } from '@mikro-orm/sqlite'
import { Celeriac, lazy, model, models, type AsyncResult, type Ref } from '../../src/index.ts'
import { mikro } from '../../src/orms/mikro-orm.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

class Author {
  id!: bigint
  name!: string
  version!: Opt<number>
  books: Collection<Book> = new Collection<Book>(this)
  rename(name: string): string {
    return (this.name = name)
  }
}
class Book {
  id!: number
  author!: EntityRef<Author>
  title!: string
  describe(): string {
    return this.title
  }
}
abstract class Shape {
  id!: number
  abstract area(): number
}

declare const orm: MikroORM
declare const author: Author
declare const book: Book
declare const shape: Shape
declare const anyBook: Ref<Book>

const app = new Celeriac('types')
const print = app.task(
  'shop.print',
  async (printed: Book, to: { readonly all: Author[] }) => printed.id + to.all.length,
)
const declared = app.task('shop.declared', [model(Author), models(Book), lazy(Shape)], (by, books, later) => {
  exactly<typeof by, Author>(true)
  exactly<typeof books, Book[]>(true)
  exactly<typeof later, Ref<Shape>>(true)
  return by.books.length
})
const methods = app.methods(Author, ['rename'])

export async function calls(): Promise<void> {
  app.models.use(mikro(orm, { app: 'shop', entities: [Author, Book, Shape], aliases: { Book: ['shop.Volume'] } }))
  app.models.use(mikro(await Sqlite.init({ dbName: 'a.db' }), { app: 'a', db: 'archive' }))
  app.models.use(mikro(new MariaDb({ dbName: 'b' }), { app: 'b' }))
  exactly<Awaited<ReturnType<typeof print.delay>>, AsyncResult<number>>(true)
  await print.delay(book, { all: [author, app.models.ref(Author, 2n ** 60n)] })
  await print.delay(anyBook, { all: [] })
  await declared.delay(author, [book, anyBook], shape)
  await methods.rename.delay(author, 'Ann')
  await app.delay(book).describe()
  await orm.em.transactional(async (em: EntityManager) => print.in(em).delay(book, { all: [] }))

  // @ts-expect-error -- an Author where a Book is taken
  await print.delay(author, { all: [] })
  // @ts-expect-error -- a reference of MikroORM's is taken as an argument, not as what the body gets
  app.task('shop.wrong', [model(Book)], (wrong: EntityRef<Book>) => wrong.unwrap())
  // @ts-expect-error -- no ORM
  mikro({}, { app: 'shop' })
  // @ts-expect-error -- labels need an app
  mikro(orm, {})
}
