import { describeValue } from '../protocol/describe-value.ts'

/** Something whose instances are rows: a class, as class ORMs have it. */
export type ModelClass<T extends object = object> = abstract new (...args: never[]) => T

/** What stands for a model in an ORM whose rows are plain objects and that has a value for it: a Drizzle table. */
export interface RowTable<Row extends object = object> {
  readonly $inferSelect: Row
}

/** How a model is named in code: its class, its table, or its label `'shop.Order'`. */
export type ModelHandle = ModelClass | RowTable | string

/** The columns of a table that are its key, as far as the types tell: a Drizzle column says so itself. */
type KeyColumn<Table extends RowTable> = {
  [Name in keyof Table['$inferSelect']]: Name extends keyof Table
    ? Table[Name] extends { readonly _: { readonly isPrimaryKey: true } }
      ? Name
      : never
    : never
}[keyof Table['$inferSelect']]

/**
 * What a caller may give for a row of the table: the row, or its key alone. Where the types tell no key that is `id`, or in
 * a table without one any columns: the call refuses what is no key.
 */
export type KeyOfTable<Table extends RowTable> = [KeyColumn<Table>] extends [never]
  ? 'id' extends keyof Table['$inferSelect']
    ? Pick<Table['$inferSelect'], 'id'>
    : Partial<Table['$inferSelect']>
  : Pick<Table['$inferSelect'], KeyColumn<Table>>

/** True for what can stand for a model. */
export function isModelHandle(value: unknown): value is ModelHandle {
  if (typeof value === 'string') return /^[^.]+\.[^.]+$/.test(value)
  return typeof value === 'function' || (typeof value === 'object' && value !== null && !Array.isArray(value))
}

/** The handle in a message. */
export function handleName(handle: unknown): string {
  if (typeof handle === 'string') return `'${handle}'`
  return typeof handle === 'function' && handle.name !== '' ? handle.name : describeValue(handle)
}
