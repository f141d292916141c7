import type { Key } from '../protocol/model-reference.ts'

/** What makes a `Ref` opaque: only `app.models.ref()` and the worker put it on an object. */
export const refBrand: unique symbol = Symbol.for('celeriac.ref')

/**
 * A row by label and key that is not loaded yet. Pass it wherever a task takes the model. A body that wants the `Ref`
 * itself, to load the row when it likes, declares the parameter with `lazy(Model)`.
 */
export interface Ref<out T = unknown> {
  readonly [refBrand]: true
  /** `app.Model`, as it travels. */
  readonly label: string
  readonly key: Key
  /** A fresh instance, read now. Throws `RowMissing`, `RowNotYetVisible` or `DatabaseUnavailable`. */
  load(): Promise<T>
}

/**
 * Optional and exact: `declare module 'celeriac' { interface Register { models: User | Post } }` says which types are
 * models. Without it a type that has a method counts as one.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- filled by augmentation
export interface Register {}

type Leaf =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | symbol
  | Date
  | Uint8Array
  | ((...args: never[]) => unknown)

type HasMethod<T> = true extends {
  [K in keyof T]-?: T[K] extends (...args: never[]) => unknown ? true : false
}[keyof T]
  ? true
  : false
type IsModel<T> = Register extends { models: infer M } ? (T extends M ? true : false) : HasMethod<T>

/** What a caller may pass where the task takes `T`: plain data deeply the same, a model or a reference to it. */
export type Enqueueable<T> = T extends Leaf
  ? T
  : T extends Ref<infer U>
    ? Ref<U> | U
    : T extends readonly (infer E)[]
      ? // A list is written as one, not as a mapped type, because only that may hold itself.
        E[] extends T
        ? readonly Enqueueable<E>[]
        : { readonly [K in keyof T]: Enqueueable<T[K]> }
      : T extends object
        ? IsModel<T> extends true
          ? T | Ref<T>
          : Ref<T> | { [K in keyof T]: Enqueueable<T[K]> }
        : T

/** The parameters of `delay` for a task whose body takes `A`. */
export type EnqueueableArgs<A extends readonly unknown[]> = { [K in keyof A]: Enqueueable<A[K]> }

/** `T` with null beside each model: what a body gets whose rows may be gone. */
type WithNulls<T> = T extends Leaf
  ? T
  : T extends readonly (infer E)[]
    ? E[] extends T
      ? WithNulls<E>[]
      : { [K in keyof T]: WithNulls<T[K]> }
    : T extends object
      ? IsModel<T> extends true
        ? T | null
        : { [K in keyof T]: WithNulls<T[K]> }
      : T

/** What the body of a task with `missing: 'null'` must be besides a function of `A`. */
export type NullsAccepted<A extends readonly unknown[]> = [WithNulls<A>] extends [A]
  ? unknown
  : "with missing: 'null' every model of the body must accept null"
