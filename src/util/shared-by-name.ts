/** A resource that several owners hold, and how to let go of it. */
export interface Share<T> {
  readonly value: T
  /** Call it once; the last owner's call ends the resource. */
  release(): void
}

/** Values that live as long as somebody in this process holds a share of their name. */
export class SharedByName<T> {
  readonly #held = new Map<string, { readonly value: T; owners: number }>()

  share(name: string, create: () => T): Share<T> {
    const held = this.#held.get(name) ?? { value: create(), owners: 0 }
    held.owners += 1
    this.#held.set(name, held)
    return {
      value: held.value,
      release: () => {
        held.owners -= 1
        if (held.owners === 0) this.#held.delete(name)
      },
    }
  }
}
