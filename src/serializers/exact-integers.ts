import { DecodeError } from '../errors.ts'
import { maxDepth } from '../protocol/fold-value.ts'

/**
 * Turns each bigint that a number holds exactly into that number, in place, copies bytes out of the body, and refuses what is neither plain data nor
 * bytes nor a Date, or too deep. The value must be fresh from a decoder.
 */
export function exactIntegers(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (depth >= maxDepth) throw new DecodeError(`The body is nested more than ${maxDepth} levels deep`)
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = exactIntegers(value[index], depth + 1)
    return value
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new DecodeError('The body holds a set or an ordered map')
  for (const [key, member] of Object.entries(value)) {
    const exact = exactIntegers(member, depth + 1)
    if (exact !== member) Object.defineProperty(value, key, { value: exact })
  }
  return value
}
