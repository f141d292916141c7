import { DecodeError } from '../errors.ts'
import { maxDepth } from '../protocol/fold-value.ts'

/**
 * Throws DecodeError unless the bytes are one complete msgpack value of bearable depth. A decoder reserves memory for as
 * many elements as a header claims, so the claims are checked first.
 */
export function checkMsgpack(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  /** How many values are still to come, per open list or map. */
  const open: number[] = [1]
  let at = 0
  while (open.length > 0) {
    if (at >= bytes.length) throw new DecodeError('The body is no msgpack: it ends in the middle of a value')
    const token = readToken(view, at)
    at += token.size
    open[open.length - 1] = (open.at(-1) ?? 0) - 1
    if (token.values > 0) open.push(token.values)
    while (open.at(-1) === 0) open.pop()
    if (open.length > maxDepth) throw new DecodeError(`The body is nested more than ${maxDepth} levels deep`)
  }
  if (at !== bytes.length) throw new DecodeError('The body is no msgpack: there are bytes after the value, or too few')
}

interface Token {
  /** Bytes of the header and, for scalars, of the content. */
  readonly size: number
  /** Values that follow as its content. */
  readonly values: number
}

function scalar(size: number): Token {
  return { size, values: 0 }
}

/** Sizes of the scalars and extensions of fixed length between 0xc0 and 0xd8. */
const sizes: ReadonlyMap<number, number> = new Map([
  [0xc0, 1],
  [0xc2, 1],
  [0xc3, 1],
  [0xca, 5],
  [0xcb, 9],
  ...[2, 3, 5, 9].map((size, index) => [0xcc + index, size] as const),
  ...[2, 3, 5, 9, 3, 4, 6, 10, 18].map((size, index) => [0xd0 + index, size] as const),
])

function readToken(view: DataView, at: number): Token {
  const type = view.getUint8(at)
  if (type <= 0x7f || type >= 0xe0) return scalar(1)
  if (type <= 0x8f) return { size: 1, values: (type & 0x0f) * 2 }
  if (type <= 0x9f) return { size: 1, values: type & 0x0f }
  if (type <= 0xbf) return scalar(1 + (type & 0x1f))
  const size = sizes.get(type)
  if (size !== undefined) return scalar(size)
  try {
    return readSized(view, at, type)
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError('The body is no msgpack: it ends in the middle of a value', { cause: error })
  }
}

/** Bytes (c4-c6), extensions (c7-c9), texts (d9-db), lists (dc, dd) and maps (de, df) with a length before them. */
function readSized(view: DataView, at: number, type: number): Token {
  if (type === 0xc4 || type === 0xd9) return scalar(2 + view.getUint8(at + 1))
  if (type === 0xc5 || type === 0xda) return scalar(3 + view.getUint16(at + 1))
  if (type === 0xc6 || type === 0xdb) return scalar(5 + view.getUint32(at + 1))
  if (type === 0xc7) return scalar(3 + view.getUint8(at + 1))
  if (type === 0xc8) return scalar(4 + view.getUint16(at + 1))
  if (type === 0xc9) return scalar(6 + view.getUint32(at + 1))
  if (type === 0xdc) return { size: 3, values: view.getUint16(at + 1) }
  if (type === 0xdd) return { size: 5, values: view.getUint32(at + 1) }
  if (type === 0xde) return { size: 3, values: view.getUint16(at + 1) * 2 }
  if (type === 0xdf) return { size: 5, values: view.getUint32(at + 1) * 2 }
  throw new DecodeError(`The body is no msgpack: byte 0x${type.toString(16)} means nothing`)
}
