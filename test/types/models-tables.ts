// Compiled by `tsc`, never run: models of an ORM without classes, named by its tables; here Drizzle's, of both lines.
import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { integer as integerOf1, pgTable as tableOf1, text as textOf1 } from 'drizzle-orm-1/pg-core'
import { Celeriac, lazy, model, models, type Ref } from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

interface User {
  id: number
  name: string
}
interface Seat {
  row: number
  seat: string
  holder: string | null
}
const users = pgTable('users', { id: integer('id').primaryKey(), name: text('name').notNull() })
const usersOf1 = tableOf1('users', { id: integerOf1('id').primaryKey(), name: textOf1('name').notNull() })
const seats = pgTable(
  'seats',
  { row: integer('row').notNull(), seat: text('seat').notNull(), holder: text('holder') },
  (table) => [primaryKey({ columns: [table.row, table.seat] })],
)

const app = new Celeriac('types')
const task = app.task(
  'types.tables',
  [model(users, { missing: 'null' }), models(usersOf1), lazy(seats)],
  (one, list, ref) => {
    exactly<typeof one, User | null>(true)
    exactly<typeof list, User[]>(true)
    exactly<typeof ref, Ref<Seat>>(true)
  },
)
declare const seat: Seat
declare const anyUser: Ref<User>

export async function calls(): Promise<void> {
  await task.delay({ id: 1 }, [{ id: 2 }, app.models.ref(usersOf1, 1)], app.models.ref(seats, [1, 'A']))
  await task.delay(anyUser, [], seat)
  await task.delay(anyUser, [], { row: 1, seat: 'A' })
  // @ts-expect-error -- the key is not there
  await task.delay({ name: 'Ada' }, [], seat)
  // @ts-expect-error -- a row of another table
  await task.delay(anyUser, [], { id: 1 })
}
