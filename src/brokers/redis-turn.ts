/** Settlements of one turn of the event loop: they are sent together, and share one promise. */
export class Turn<T> {
  readonly entries: T[] = []
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.promise = promise
    this.resolve = resolve
    this.reject = reject
  }
}
