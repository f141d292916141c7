import { DecodeError } from '../errors.ts'
import { type Fold, foldValue, maxDepth } from '../protocol/fold-value.ts'
import { checkMsgpack } from './check-msgpack.ts'
import { exactIntegers } from './exact-integers.ts'
import type { Serializer } from './serializer.ts'

/** Rejects with ERR_MODULE_NOT_FOUND where @msgpack/msgpack is not installed. */
export async function openMsgpack(): Promise<Serializer> {
  const { decode, encode } = await import('@msgpack/msgpack')
  return {
    name: 'msgpack',
    contentType: 'application/x-msgpack',
    contentEncoding: 'binary',
    dump: (value) =>
      encode(foldValue(value, msgpackFold), {
        useBigInt64: true,
        maxDepth: maxDepth + 2,
        extensionCodec: noExtensions,
      }),
    load(data) {
      if (typeof data === 'string') throw new DecodeError('A msgpack body must be bytes, got a text')
      checkMsgpack(data)
      try {
        return exactIntegers(decode(data, { useBigInt64: true, extensionCodec: noExtensions }))
      } catch (error) {
        if (error instanceof DecodeError) throw error
        throw new DecodeError(`The body is no msgpack: ${(error as Error).message}`, { cause: error })
      }
    },
  }
}

const noExtensions = {
  tryToEncode: () => null,
  decode(_data: Uint8Array, type: number): never {
    throw new DecodeError(`The body holds the msgpack extension ${type}; none is read`)
  },
}

const msgpackFold: Fold<unknown> = {
  scalar(value, place) {
    if (typeof value === 'number') return asInteger(value)
    if (typeof value !== 'bigint' || (value >= -(2n ** 63n) && value < 2n ** 64n)) return value
    throw place.refuse('is an integer of more than 64 bits, which msgpack cannot hold; use the json serializer')
  },
  special(value, place) {
    if (value instanceof Uint8Array) return value
    if (value instanceof Date) throw place.refuse('is a Date, which kombu has not in msgpack; use the json serializer')
    return undefined
  },
  list: (items) => items,
  record(entries, place) {
    if (entries.some(([name]) => name === '__proto__')) throw place.refuse('has a member __proto__')
    return Object.fromEntries(entries)
  },
}

/** As the library is set here, it would write integers of more than 32 bits as floats. */
function asInteger(value: number): number | bigint {
  const isWide = Number.isSafeInteger(value) && (value > 0xffffffff || value < -0x80000000)
  return isWide ? BigInt(value) : value
}
