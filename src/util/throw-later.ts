/** Lets an error of a callback end as an uncaught exception, without disturbing who called the callback. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error instanceof Error ? error : new Error(`A callback threw ${String(error)}`, { cause: error })
  })
}
