// Compiled by `tsc`, never run: tasks and Kysely's own types.
import type { ColumnType, ControlledTransaction, Generated, Kysely, Selectable, Transaction } from 'kysely'
import { Celeriac, lazy, model, models, type AsyncResult, type Ref } from '../../src/index.ts'
import { kysely } from '../../src/orms/kysely.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function exactly<A, B>(_same: Equal<A, B>): void {}

interface Tables {
  users: { id: Generated<number>; name: string; createdAt: ColumnType<Date, string | undefined, never> }
  'shop.memberships': { orgId: number; userId: number; role: 'admin' | 'member' }
}
type User = Selectable<Tables['users']>
type Membership = Selectable<Tables['shop.memberships']>

declare const db: Kysely<Tables>
declare const anyDb: Kysely<unknown>
declare const trx: Transaction<Tables>
declare const byHand: ControlledTransaction<Tables>
declare const user: User
declare const membership: Membership
declare const anyUser: Ref<User>

const app = new Celeriac('types')
const greet = app.task(
  'shop.greet',
  [model<User>('shop.User'), models<Membership, 'orgId' | 'userId'>('shop.Member')],
  (who, of) => {
    exactly<typeof who, { id: number; name: string; createdAt: Date }>(true)
    exactly<typeof of, Membership[]>(true)
    return who.name
  },
)
const late = app.task('shop.late', [lazy<User>('shop.User')], async (who) => {
  exactly<typeof who, Ref<User>>(true)
  return (await who.load()).name
})
const inferred = app.task('shop.inferred', async (of: { who: User; note: string }) => of.note)

export async function calls(): Promise<void> {
  const member = { table: 'shop.memberships', key: ['orgId', 'userId'] } as const
  app.models.use(kysely(db, { User: { table: 'users', version: 'createdAt' }, Member: member }, { app: 'shop' }))
  app.models.use(kysely(anyDb, { Order: { table: 'orders' } }, { app: 'a', db: 'archive', file: './a.db' }))
  app.models.use(kysely(db, {}, { app: 'shop', aliases: { User: ['shop.Person'] } }))
  exactly<Awaited<ReturnType<typeof greet.delay>>, AsyncResult<string>>(true)
  await greet.delay(user, [membership])
  await greet.delay({ id: 1 }, [{ orgId: 1, userId: 2 }])
  await greet.delay(app.models.ref<User>('shop.User', 1), [])
  await late.delay(anyUser)
  await inferred.delay({ who: user, note: 'x' })
  await inferred.delay({ who: anyUser, note: 'x' })
  await greet.in(trx).delay(user, [])
  await greet.in(byHand).delay(user, [])
  await greet.in(await byHand.savepoint('one').execute()).delay(user, [])
}

export function refused(): void {
  // @ts-expect-error there is no such table
  kysely(db, { User: { table: 'user' } }, { app: 'shop' })
  // @ts-expect-error a label needs its first half
  kysely(db, { User: { table: 'users' } }, {})
  // @ts-expect-error not a Kysely
  kysely({}, {}, { app: 'shop' })
  // @ts-expect-error the key is missing
  void greet.delay({ name: 'Ann' }, [])
  // @ts-expect-error half of a key
  void greet.delay(user, [{ orgId: 1 }])
}
