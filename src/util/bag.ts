/** What a {@link Bag} may hold. It is in one bag at most, which alone writes this. */
export interface InBag {
  bagIndex: number
}

/**
 * Objects that come and go all the time, in no order. A Set would retain garbage: the table that it outgrows points to
 * the next one, so once a table is old, everything in those that follow stays until the next full collection.
 */
export class Bag<T extends InBag> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  add(item: T): void {
    item.bagIndex = this.#items.push(item) - 1
  }

  /** Harmless for what is not in it. */
  delete(item: T): void {
    const { bagIndex } = item
    if (this.#items[bagIndex] !== item) return
    const last = this.#items.pop() as T
    item.bagIndex = -1
    if (last === item) return
    this.#items[bagIndex] = last
    last.bagIndex = bagIndex
  }

  /** A copy, to be walked through while items go. */
  items(): T[] {
    return [...this.#items]
  }
}
