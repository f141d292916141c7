/** A binary heap: `pop` gives the item that comes before all others. */
export class Heap<T> {
  readonly #items: T[] = []
  readonly #isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  /** The items in no particular order. */
  items(): readonly T[] {
    return this.#items
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  clear(): void {
    this.#items.length = 0
  }

  push(item: T): void {
    const items = this.#items
    let at = items.length
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = items[parentAt] as T
      if (!this.#isBefore(item, parent)) break
      items[at] = parent
      at = parentAt
    }
    items[at] = item
  }

  pop(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (items.length > 0) this.#sink(last as T)
    return first
  }

  #sink(item: T): void {
    const items = this.#items
    const size = items.length
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= size) break
      let child = items[childAt] as T
      const rightAt = childAt + 1
      if (rightAt < size && this.#isBefore(items[rightAt] as T, child)) {
        childAt = rightAt
        child = items[rightAt] as T
      }
      if (!this.#isBefore(child, item)) break
      items[at] = child
      at = childAt
    }
    items[at] = item
  }
}
