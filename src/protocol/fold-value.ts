import { EncodeError } from '../errors.ts'
import { className, isRecord } from './describe-value.ts'
import { isOrmRow } from './orm-row.ts'

/** How deep values may be nested, on the way out and in. Python's own reader stops near 1000. */
export const maxDepth = 512

export type Scalar = string | number | boolean | bigint | null

/** Where in the value the walk is; `refuse` makes the error that names it. */
export interface Place {
  /** How many lists and objects the value is in. */
  readonly depth: number
  refuse(reason: string): EncodeError
}

/** What a serializer makes of each kind of value. */
export interface Fold<T> {
  scalar(value: Scalar, place: Place): T
  /** Dates, bytes, classes with a form of their own, whatever needs no walk; undefined for all others. */
  special(value: object, place: Place): T | undefined
  list(items: T[], place: Place): T
  record(entries: [string, T][], place: Place): T
}

/**
 * Walks a value that is to be written, from the leaves up. Undefined members are left out, undefined elements are null,
 * an object with `toJSON` stands for what that returns. Everything else that is not data is an EncodeError with its path.
 */
export function foldValue<T>(value: unknown, fold: Fold<T>): T {
  const walk = new Walk(fold)
  try {
    return walk.value(value)
  } catch (error) {
    if (error instanceof EncodeError) throw error
    throw walk.refuse('cannot be read', error)
  }
}

class Walk<T> implements Place {
  readonly #fold: Fold<T>
  readonly #path: (string | number)[] = []
  readonly #ancestors: object[] = []

  constructor(fold: Fold<T>) {
    this.#fold = fold
  }

  get depth(): number {
    return this.#ancestors.length
  }

  refuse(reason: string, cause?: unknown): EncodeError {
    return new EncodeError(`${formatPath(this.#path)} ${reason}`, cause === undefined ? {} : { cause })
  }

  value(value: unknown): T {
    if (typeof value === 'object' && value !== null) return this.#object(value)
    if (typeof value === 'function') throw this.#functionRefused()
    if (typeof value === 'symbol') throw this.refuse('is a symbol; only data can be sent')
    return this.#fold.scalar((value ?? null) as Scalar, this)
  }

  #object(value: object): T {
    const special = this.#fold.special(value, this)
    if (special !== undefined) return special
    if (this.#ancestors.includes(value)) throw this.refuse('contains itself')
    if (this.#ancestors.length >= maxDepth) throw this.refuse(`is nested more than ${maxDepth} levels deep`)
    this.#ancestors.push(value)
    const folded = this.#container(value)
    this.#ancestors.pop()
    return folded
  }

  #container(value: object): T {
    const { toJSON } = value as { readonly toJSON?: unknown }
    if (typeof toJSON === 'function' && isOrmRow(value)) throw this.refuse(rowRefusal(value))
    if (typeof toJSON === 'function') return this.value(toJSON.call(value, String(this.#path.at(-1) ?? '')))
    if (Array.isArray(value)) return this.#fold.list(this.#items(value), this)
    if (!isRecord(value)) throw this.refuse(refusal(value))
    return this.#fold.record(this.#entries(value), this)
  }

  /** A query that is not awaited is often a plain object with `then`. */
  #functionRefused(): EncodeError {
    if (this.#path.at(-1) !== 'then') return this.refuse('is a function; only data can be sent')
    this.#path.pop()
    return this.refuse(unawaited)
  }

  #items(values: readonly unknown[]): T[] {
    const items: T[] = []
    for (let index = 0; index < values.length; index++) items.push(this.#at(index, values[index]))
    return items
  }

  #entries(record: Record<string, unknown>): [string, T][] {
    const entries: [string, T][] = []
    for (const key of Object.keys(record)) {
      this.#path.push(key)
      const member = record[key]
      this.#path.pop()
      if (member !== undefined) entries.push([key, this.#at(key, member)])
    }
    return entries
  }

  // An error leaves the path as it was where it happened.
  #at(step: string | number, value: unknown): T {
    this.#path.push(step)
    const folded = this.value(value)
    this.#path.pop()
    return folded
  }
}

const unawaited = 'is a promise or a query; await it before the call'

function rowRefusal(value: object): string {
  const advice = 'once that is defined give its ORM to app.models.use(), or send plain data'
  return `is a row of ${className(value)}, a model that no ORM in use has; ${advice}`
}

function refusal(value: object): string {
  if (value instanceof Map) return 'is a Map; send an object (Object.fromEntries) or a list of pairs'
  if (value instanceof Set) return 'is a Set; send a list (Array.from)'
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `is a ${className(value)}; send a Uint8Array`
  if (value instanceof Promise || typeof (value as { readonly then?: unknown }).then === 'function') return unawaited
  return `is an instance of ${className(value)}, neither plain data nor a row of an ORM in use; send its key or a plain object`
}

/** `$[0].user["first name"]`, cut in the middle when it is long. */
function formatPath(path: readonly (string | number)[]): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`
    return /^[\p{L}_$][\p{L}\d_$]{0,80}$/u.test(step) ? `.${step}` : `[${JSON.stringify(step.slice(0, 80))}]`
  })
  if (steps.length > 12) steps.splice(8, steps.length - 12, '…')
  return `$${steps.join('')}`
}
