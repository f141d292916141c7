import { ImproperlyConfigured } from '../errors.ts'
import {
  handleName,
  isModelHandle,
  type KeyOfTable,
  type ModelClass,
  type ModelHandle,
  type RowTable,
} from './model-handle.ts'
import { policyNames, policyProblems, type MissingPolicy, type ModelPolicy } from './model-policy.ts'
import type { Ref } from './ref.ts'

declare const types: unique symbol

/**
 * One declared parameter of a task. `Body` is what the body gets, `Call` what a caller may pass, `Nulls` what the body
 * gets if the task says `missing: 'null'`.
 */
export interface Parameter<out Body = unknown, Call = never, out Nulls = Body> {
  readonly [types]?: { readonly body: Body; readonly call: (value: Call) => void; readonly nulls: Nulls }
  readonly kind: 'model' | 'models' | 'lazy' | 'value'
  /** Undefined for `value`. */
  readonly handle: ModelHandle | undefined
  readonly policy: ModelPolicy
}

export type AnyParameter = Parameter

/** Policies of one parameter; what is unset is as for the task. */
export interface ModelOptions<Missing extends MissingPolicy = MissingPolicy> extends ModelPolicy {
  readonly missing?: Missing
}

/** Policies that make sense for a row that the body loads itself. */
export type LazyOptions = Pick<ModelPolicy, 'grace' | 'read' | 'with' | 'withDeleted'>

/** `MissingPolicy` where nothing was said: the task decides. */
type NullIf<Missing, T> = [Missing] extends ['null'] ? T | null : T
type NullUnless<Missing, T> = [MissingPolicy] extends [Missing] ? T | null : NullIf<Missing, T>
type KeyName<T> = 'id' extends keyof T ? 'id' : keyof T

/**
 * A parameter that takes one row of this model, or of a subclass, and nothing else. For ORMs with plain rows: a Drizzle
 * table, or the label with the type of the row, `model<Order>('shop.Order')`; a second type argument names the columns of
 * the key if it is not `id`. There a caller may also pass an object that holds the key and nothing else.
 */
export function model<T extends object, const Missing extends MissingPolicy = MissingPolicy>(
  model: ModelClass<T>,
  options?: ModelOptions<Missing>,
): Parameter<NullIf<Missing, T>, T | Ref<T>, NullUnless<Missing, T>>
export function model<Table extends RowTable, const Missing extends MissingPolicy = MissingPolicy>(
  table: Table,
  options?: ModelOptions<Missing>,
): Parameter<
  NullIf<Missing, Table['$inferSelect']>,
  KeyOfTable<Table> | Ref<Table['$inferSelect']>,
  NullUnless<Missing, Table['$inferSelect']>
>
export function model<T extends object = object, Key extends keyof T = KeyName<T> & keyof T>(
  label: string,
  options: ModelOptions<'null'> & { readonly missing: 'null' },
): Parameter<T | null, Pick<T, Key> | Ref<T>>
export function model<T extends object = object, Key extends keyof T = KeyName<T> & keyof T>(
  label: string,
  options?: Omit<ModelOptions, 'missing'> & { readonly missing?: never },
): Parameter<T, Pick<T, Key> | Ref<T>, T | null>
export function model<T extends object = object, Key extends keyof T = KeyName<T> & keyof T>(
  label: string,
  options: ModelOptions<Exclude<MissingPolicy, 'null'>>,
): Parameter<T, Pick<T, Key> | Ref<T>>
export function model(handle: ModelHandle, options: ModelPolicy = {}): Parameter<never, unknown> {
  return declared('model', handle, options)
}

/** A parameter that takes a list of rows of this model. With `missing: 'null'` the others keep their places. */
export function models<T extends object, const Missing extends MissingPolicy = MissingPolicy>(
  model: ModelClass<T>,
  options?: ModelOptions<Missing>,
): Parameter<NullIf<Missing, T>[], readonly (T | Ref<T>)[], NullUnless<Missing, T>[]>
export function models<Table extends RowTable, const Missing extends MissingPolicy = MissingPolicy>(
  table: Table,
  options?: ModelOptions<Missing>,
): Parameter<
  NullIf<Missing, Table['$inferSelect']>[],
  readonly (KeyOfTable<Table> | Ref<Table['$inferSelect']>)[],
  NullUnless<Missing, Table['$inferSelect']>[]
>
export function models<T extends object = object, Key extends keyof T = KeyName<T> & keyof T>(
  label: string,
  options: ModelOptions<'null'> & { readonly missing: 'null' },
): Parameter<(T | null)[], readonly (Pick<T, Key> | Ref<T>)[]>
export function models<T extends object = object, Key extends keyof T = KeyName<T> & keyof T>(
  label: string,
  options?: Omit<ModelOptions, 'missing'> & { readonly missing?: never },
): Parameter<T[], readonly (Pick<T, Key> | Ref<T>)[], (T | null)[]>
export function models<T extends object = object, Key extends keyof T = KeyName<T> & keyof T>(
  label: string,
  options: ModelOptions<Exclude<MissingPolicy, 'null'>>,
): Parameter<T[], readonly (Pick<T, Key> | Ref<T>)[]>
export function models(handle: ModelHandle, options: ModelPolicy = {}): Parameter<never, unknown> {
  return declared('models', handle, options)
}

/** A parameter that takes a row of this model and gives the body a `Ref`, to load when it wants to, as often as it wants. */
export function lazy<T extends object>(model: ModelClass<T>, options?: LazyOptions): Parameter<Ref<T>, T | Ref<T>>
export function lazy<Table extends RowTable>(
  table: Table,
  options?: LazyOptions,
): Parameter<Ref<Table['$inferSelect']>, KeyOfTable<Table> | Ref<Table['$inferSelect']>>
export function lazy<T extends object = object, Key extends keyof T = KeyName<T> & keyof T>(
  label: string,
  options?: LazyOptions,
): Parameter<Ref<T>, Pick<T, Key> | Ref<T>>
export function lazy(handle: ModelHandle, options: LazyOptions = {}): Parameter<never, unknown> {
  return declared('lazy', handle, options)
}

/** A parameter that takes plain data and never a row, at no depth. */
export function value<T>(): Parameter<T, T> {
  return new Declaration('value', undefined, {})
}

/** The arguments of a body with these parameters. */
export type BodyArguments<P extends readonly AnyParameter[], Missing = undefined> = {
  -readonly [K in keyof P]: P[K] extends Parameter<infer Body, never, infer Nulls>
    ? [Missing] extends ['null']
      ? Nulls
      : Body
    : never
}

/** The arguments of a call of a task with these parameters. */
export type CallArguments<P extends readonly AnyParameter[]> = {
  -readonly [K in keyof P]: P[K] extends Parameter<unknown, infer Call> ? Call : never
}

const lazyNames = ['grace', 'read', 'with', 'withDeleted']

/** Throws ImproperlyConfigured: JavaScript users learn what the types say. */
function declared(kind: 'model' | 'models' | 'lazy', handle: ModelHandle, policy: ModelPolicy): Declaration {
  const name = handleName(handle)
  if (!isModelHandle(handle)) {
    const advice = "a model class, a table, or a label such as 'shop.Order'"
    throw new ImproperlyConfigured(`${kind}() takes ${advice}; got ${name}`)
  }
  const allowed: readonly string[] = kind === 'lazy' ? lazyNames : policyNames
  const unknown = Object.keys(policy).filter((key) => !allowed.includes(key))
  const problems = [
    ...unknown.map((key) => `${key} is no option here; there are ${allowed.join(', ')}`),
    ...policyProblems(policy as Readonly<Record<string, unknown>>),
  ]
  if (problems.length > 0) throw new ImproperlyConfigured(`${kind}(${name}):\n  ${problems.join('\n  ')}`)
  return new Declaration(kind, handle, policy)
}

class Declaration implements Parameter<never, unknown> {
  readonly kind: AnyParameter['kind']
  readonly handle: ModelHandle | undefined
  readonly policy: ModelPolicy

  constructor(kind: AnyParameter['kind'], handle: ModelHandle | undefined, policy: ModelPolicy) {
    this.kind = kind
    this.handle = handle
    this.policy = policy
  }
}

/** True for what `model`, `models`, `lazy` and `value` give. */
export function isParameter(given: unknown): given is AnyParameter {
  return given instanceof Declaration
}
