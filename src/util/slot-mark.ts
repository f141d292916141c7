const mark = Symbol.for('celeriac.slot')

/** Says that this thread or process is a slot of a worker's pool, with its name. */
export function markAsSlot(name: string): void {
  Object.defineProperty(globalThis, mark, { value: name, configurable: true })
}

/** The name of the slot that this thread or process is, if it is one. */
export function slotName(): string | undefined {
  return (globalThis as { readonly [mark]?: string })[mark]
}

/** Why `memory:` is of no use in a slot; undefined elsewhere. */
export function whyNoMemoryHere(kind: 'broker' | 'result backend'): string | undefined {
  const slot = slotName()
  if (slot === undefined) return undefined
  return (
    `the ${kind} memory: is in the memory of the worker, and ${slot} has its own: tasks that call others or wait for ` +
    'results need a store that threads and processes share, such as sqlite:./celeriac.db, or the pool async'
  )
}
