const mark = Symbol.for('celeriac.slot')

/** Says that this thread or process is a slot of a worker's pool, with its name. */
export function markAsSlot(name: string): void {
  Object.defineProperty(globalThis, mark, { value: name, configurable: true })
}

/** The name of the slot that this thread or process is, if it is one. */
export function slotName(): string | undefined {
  return (globalThis as { readonly [mark]?: string })[mark]
}
