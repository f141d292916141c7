import { Models } from '../../src/app/models.ts'
import { Transactions } from '../../src/app/transactions.ts'
import type { OrmAdapter } from '../../src/orms/orm-adapter.ts'

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

/** One ORM on a database of its own, with the models `User` (versioned) and `Seat` (composite key). */
export interface OrmLab extends AsyncDisposable {
  readonly adapter: OrmAdapter
  readonly User: new () => UserRow
  readonly Seat: new () => SeatRow
  save<T extends object>(instance: T): Promise<T>
  findUser(id: number): Promise<UserRow>
  transaction<R>(body: (tx: object) => Promise<R>): Promise<R>
  savepoint<R>(tx: object, body: (tx: object) => Promise<R>): Promise<R>
  insertIn(tx: object, name: string): Promise<void>
  /** Makes the COMMIT of the transaction fail. */
  spoilCommit(tx: object): Promise<void>
  /** Statements on another connection, as another process would make them. */
  elsewhere(sql: string): void
  /** The SELECTs on model tables since the last question. */
  takeSelects(): number
}

/** A lab and what an app makes of its adapter. */
export interface ModelLab extends OrmLab {
  readonly models: Models
  readonly transactions: Transactions
  readonly callbackErrors: unknown[]
}

export type DefineOrm = (name: string, test: (lab: ModelLab) => Promise<void>) => void

export function inApp(lab: OrmLab, adapter: OrmAdapter = lab.adapter): ModelLab {
  const callbackErrors: unknown[] = []
  const transactions = new Transactions((error) => callbackErrors.push(error))
  const models = new Models(transactions).use(adapter)
  return Object.assign(Object.create(lab) as OrmLab, { models, transactions, callbackErrors, adapter })
}

export function newUser(lab: OrmLab, name: string): Promise<UserRow> {
  return lab.save(Object.assign(new lab.User(), { name }))
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
