import { DecodeError } from '../errors.ts'

const strict = new TextDecoder('utf-8', { fatal: true })

/** Throws DecodeError for bytes that are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch (error) {
    throw new DecodeError('The body is no UTF-8 text', { cause: error })
  }
}
