import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import type { OrmAdapter } from '../../src/orms/orm-adapter.ts'
import type { TestDatabase } from '../services.ts'

export interface UserRow {
  id: number
  name: string
  version: number
}
export interface SeatRow {
  row: number
  seat: string
  holder: string
}
/** Its key is a UUID. */
export interface TokenRow {
  id: string
  name: string
}
/** Its key is a BIGINT, in whatever form the ORM gives such. */
export interface LedgerRow {
  id: bigint | number | string
  name: string
}
/** Its key is a DATE, in whatever form the ORM gives such. */
export interface DayRow {
  day: Date | string
  name: string
}
export interface PostRow {
  id: number
  title: string
  authorId: number
}

export interface LabRows {
  readonly User: UserRow
  readonly Seat: SeatRow
  readonly Token: TokenRow
  readonly Ledger: LedgerRow
  readonly Day: DayRow
  readonly Post: PostRow
}

/**
 * One ORM, with its real driver, on the tables of `orm-contract-schema.ts`, which are there and empty: `users`, `seats`,
 * `tokens`, `ledgers`, `days` and `posts`, as the models `User`, `Seat`, `Token`, `Ledger`, `Day` and `Post`. Properties
 * are named as columns. The adapter has `app: 'shop'` and the alias `shop.Person` for User. `User.version` grows with
 * each update where the ORM can do that.
 */
export interface OrmLab extends AsyncDisposable {
  /** The one that it was opened with. */
  readonly database: TestDatabase
  readonly adapter: OrmAdapter
  /** The classes of the models, where the ORM has classes; they can be instantiated without saving. */
  readonly classes?: { readonly [Name in 'User' | 'Seat']: new () => LabRows[Name] }
  /**
   * Inserts through the ORM, and gives what the user gets: an instance or a tagged row, with the key and, for users,
   * the version. `id` of Ledger is given as bigint, `day` of Day as `2026-01-31`. In a transaction if one is current.
   */
  create<Name extends keyof LabRows>(model: Name, values: Partial<LabRows[Name]>): Promise<LabRows[Name]>
  /** An ordinary read, as users make it. Rejects if there is none. */
  findUser(id: number): Promise<UserRow>
  transaction<R>(body: (tx: object) => Promise<R>): Promise<R>
  savepoint<R>(tx: object, body: (tx: object) => Promise<R>): Promise<R>
  /** The SELECTs on model tables since the last question. */
  takeSelects(): number
}

/** What not every ORM can do. What it cannot, its adapter refuses with ImproperlyConfigured. */
export interface OrmAbilities {
  /** Loads `User.posts`. */
  readonly relations: boolean
  /** Hides users whose `deletedAt` is set, when asked to. */
  readonly hideDeleted: boolean
  /** Locks rows on PostgreSQL and MySQL. */
  readonly lock: boolean
}

/** A lab and what an app makes of its adapter. */
export interface ModelLab extends OrmLab {
  readonly models: Models
  readonly transactions: Transactions
  readonly callbackErrors: unknown[]
}

export type DefineOrm = (name: string, test: (lab: ModelLab) => Promise<void>) => void

export function inApp<Lab extends OrmLab>(lab: Lab, adapter: OrmAdapter = lab.adapter): Lab & ModelLab {
  const callbackErrors: unknown[] = []
  const transactions = new Transactions((error) => callbackErrors.push(error))
  const models = new Models(transactions).use(adapter)
  return Object.assign(Object.create(lab) as Lab, { models, transactions, callbackErrors, adapter })
}

/** What two reads of a user have in common, whatever else the ORM puts there. */
export function columns({ id, name, version }: UserRow): UserRow {
  return { id, name, version }
}

export function newUser(lab: OrmLab, name: string): Promise<UserRow> {
  return lab.create('User', { name })
}

/** In a transaction, by SQL: no ORM remembers it. */
export async function insertIn(lab: OrmLab, tx: object, name: string): Promise<void> {
  await lab.adapter.transactions?.execute(tx, `INSERT INTO users (name, version) VALUES ('${name}', 1)`, [])
}

/** Changes a user from elsewhere, as another process would. */
export async function renameUser({ database }: OrmLab, id: number, name: string): Promise<void> {
  await database.execute(`UPDATE users SET name = '${name}', version = version + 1 WHERE id = ${id}`)
}

/** Makes the COMMIT of the transaction fail: by a deferred constraint, or on MySQL, which has none, by its connection. */
export async function spoilCommit({ adapter, database }: OrmLab, tx: object): Promise<void> {
  if (database.dialect !== 'mysql') {
    await adapter.transactions?.execute(tx, 'INSERT INTO debts (debtor) VALUES (-5)', [])
    return
  }
  const [row] = (await adapter.transactions?.execute(tx, 'SELECT CONNECTION_ID() AS id', [])) ?? []
  await database.execute(`KILL ${Number(row?.['id'])}`)
}

/** The adapter with some of its methods replaced. */
export function adapterWith(adapter: OrmAdapter, changes: Partial<OrmAdapter>): OrmAdapter {
  const { name, transactions } = adapter
  return {
    name,
    models: () => adapter.models(),
    identify: (value) => adapter.identify(value),
    fetch: (model, keys, options) => adapter.fetch(model, keys, options),
    ...(transactions ? { transactions } : undefined),
    ...changes,
  }
}
