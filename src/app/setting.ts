import type { Kind } from './setting-kind.ts'

/** One setting: what it may be, what it is when nobody says anything, and what it does. */
export interface Setting<T = unknown> {
  readonly kind: Kind<T>
  /** In the unit of the field, so milliseconds for durations. */
  readonly default: T
  readonly doc: string
  /** The value may hold passwords: it is masked wherever it is shown. */
  readonly isSecret?: true
}

/** Those of a group of the configuration. */
export type Settings<Group> = { readonly [Field in keyof Group]-?: Setting<Group[Field]> }

export function setting<T>(kind: Kind<T>, value: NoInfer<T>, doc: string, isSecret?: true): Setting<T> {
  return { kind, default: value, doc, ...(isSecret && { isSecret }) }
}
