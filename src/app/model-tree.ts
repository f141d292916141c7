import { EncodeError } from '../errors.ts'
import { maxDepth } from '../protocol/fold-value.ts'

/** Gives another value for a leaf, or the very same one. `path` is `$[0].user`, made only when asked for. */
export type Replace = (value: object, path: () => string) => unknown

/**
 * Replaces objects at any depth of lists and plain objects. What `replace` answers is final: it is not walked into.
 * Returns the same value if nothing was replaced, else copies of what lies on the way. Throws EncodeError for a value
 * that contains itself, or is nested deeper than a message may be.
 */
export function replaceObjects(value: unknown, replace: Replace, path = '$'): unknown {
  return new Walk(replace, path).visit(value)
}

class Walk {
  readonly #replace: Replace
  readonly #root: string
  readonly #steps: (string | number)[] = []
  readonly #above = new Set<object>()

  constructor(replace: Replace, root: string) {
    this.#replace = replace
    this.#root = root
  }

  visit(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const isList = Array.isArray(value)
    if (!isList) {
      const replaced = this.#replace(value, this.#path)
      if (replaced !== value || !isPlainObject(value)) return replaced
    }
    if (this.#above.has(value)) throw new EncodeError(`${this.#path()}: the value contains itself`)
    if (this.#above.size >= maxDepth) throw new EncodeError(`${this.#root} is nested more than ${maxDepth} levels deep`)
    this.#above.add(value)
    const visited = isList ? this.#list(value) : this.#record(value as Record<string, unknown>)
    this.#above.delete(value)
    return visited
  }

  #list(list: readonly unknown[]): unknown {
    let copy: unknown[] | undefined
    for (let index = 0; index < list.length; index++) {
      const item = list[index]
      if (typeof item !== 'object' || item === null) continue
      const visited = this.#step(index, item)
      if (visited !== item) (copy ??= [...list])[index] = visited
    }
    return copy ?? list
  }

  #record(record: Readonly<Record<string, unknown>>): unknown {
    let changes: Map<string, unknown> | undefined
    for (const key of Object.keys(record)) {
      const item = record[key]
      if (typeof item !== 'object' || item === null) continue
      const visited = this.#step(key, item)
      if (visited !== item) (changes ??= new Map()).set(key, visited)
    }
    // fromEntries defines properties, so a key named __proto__ stays data
    if (!changes) return record
    return Object.fromEntries(
      Object.keys(record).map((key) => [key, changes.has(key) ? changes.get(key) : record[key]] as const),
    )
  }

  #step(step: string | number, item: object): unknown {
    this.#steps.push(step)
    const visited = this.visit(item)
    this.#steps.pop()
    return visited
  }

  readonly #path = (): string =>
    this.#root + this.#steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
