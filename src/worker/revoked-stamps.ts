import type { TaskHeaders } from '../protocol/task-message.ts'

export type Stamps = Readonly<Record<string, unknown>>

/** Stamps whose bearers are revoked: one equal value of one name is enough. */
export class RevokedStamps {
  readonly #values = new Map<string, Set<unknown>>()
  readonly #max: number

  /** Of each name the oldest values are forgotten above `max`. */
  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#values.size
  }

  add(stamps: Stamps): void {
    for (const [name, given] of Object.entries(stamps)) {
      const values = this.#values.get(name) ?? new Set()
      this.#values.set(name, values)
      for (const value of listOf(given)) {
        values.delete(value)
        values.add(value)
        for (const oldest of values) {
          if (values.size <= this.#max) break
          values.delete(oldest)
        }
      }
    }
  }

  covers({ stamps }: Pick<TaskHeaders, 'stamps'>): boolean {
    for (const name in stamps) {
      const revoked = this.#values.get(name)
      if (revoked && listOf(stamps[name]).some((value) => revoked.has(value))) return true
    }
    return false
  }
}

/** Values that two sets of stamps have in common, by name; empty: none. */
export function commonStamps(own: Stamps, wanted: Stamps): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>()
  for (const [name, given] of Object.entries(wanted)) {
    const values = new Set(listOf(own[name]))
    const common = listOf(given).filter((value) => values.has(value))
    if (common.length > 0) found.set(name, common)
  }
  return found
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[]
  return value === undefined || value === null ? [] : [value]
}
