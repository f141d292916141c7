/** Says when this process has committed rows of an outbox: a relay here need not wait for its next look. */
export class OutboxCommits {
  readonly #listeners = new Set<() => void>()

  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Returns the function that ends it. */
  on(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
