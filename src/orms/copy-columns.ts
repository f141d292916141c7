/** Stands for a value that cannot be copied. */
const uncopyable: unique symbol = Symbol('uncopyable')

/**
 * Copies all own fields of a row to `copy`, deeply, so that the two share nothing. `undefined` if a column holds what a
 * copy might not equal, such as an instance of a class that `copyInstance` does not know.
 */
export function copyColumns<T extends object>(
  row: object,
  copy: T,
  copyInstance: (value: object) => object | undefined = () => undefined,
): T | undefined {
  for (const [name, value] of Object.entries(row)) {
    const copied = copyOf(value, copyInstance)
    if (copied === uncopyable) return undefined
    // defined rather than assigned: a column named __proto__ stays data
    if (Object.hasOwn(copy, name) || !(name in copy)) (copy as Record<string, unknown>)[name] = copied
    else Object.defineProperty(copy, name, { value: copied, writable: true, enumerable: true, configurable: true })
  }
  return copy
}

function copyOf(value: unknown, copyInstance: (value: object) => object | undefined): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return uncopyable
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return copyList(value, copyInstance)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Date.prototype) return new Date(value as Date)
  if (prototype === Buffer.prototype) return Buffer.from(value as Buffer)
  if (prototype === Uint8Array.prototype) return Uint8Array.from(value as Uint8Array)
  if (prototype === Object.prototype || prototype === null) {
    return copyColumns(value, {}, copyInstance) ?? uncopyable
  }
  return copyInstance(value) ?? uncopyable
}

function copyList(list: readonly unknown[], copyInstance: (value: object) => object | undefined): unknown {
  const copies = list.map((item) => copyOf(item, copyInstance))
  return copies.includes(uncopyable) ? uncopyable : copies
}
