/** A value as error messages name it: short, on one line, never its contents beyond 80 characters. Never throws. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string')
    return value.length > 80 ? `a text of ${value.length} characters` : JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return 'a large integer'
  if (typeof value !== 'object') return `a ${typeof value}`
  try {
    if (Array.isArray(value)) return `a list of ${value.length}`
    if (value instanceof Uint8Array) return `${value.length} bytes`
    return className(value) === 'Object' ? 'an object' : `an instance of ${className(value)}`
  } catch {
    return 'an object that cannot be read'
  }
}

/** The name of an object's class, `Object` for plain data. May throw for proxies and getters that do. */
export function className(value: object): string {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === null) return 'Object'
  const { constructor } = prototype as { readonly constructor?: unknown }
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'Object'
}

/** True for plain data: an object literal, what `JSON.parse` makes, or an object without a prototype; of any realm. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
