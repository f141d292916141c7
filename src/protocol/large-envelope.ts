import { envelopeEnd, type EnvelopeAddress } from './envelope.ts'
import type { Message } from './message.ts'

/** Bytes of a body that are reserved for good. Characters of up to three bytes. */
const mostReserved = 1024 * 1024
const begin = '{"body":"'

/** Encodes envelopes of many KB: as a text, one would be copied several times on its way to the socket. */
export class LargeEnvelopes {
  #scratch: Buffer = Buffer.alloc(0)

  /** As `encodeEnvelope` does, as bytes. Throws EncodeError. */
  encode(message: Message, address: EnvelopeAddress): Buffer {
    const base64 = this.#base64(message.body)
    const end = envelopeEnd(message, address)
    const bytes = Buffer.allocUnsafe(begin.length + base64.length + Buffer.byteLength(end))
    bytes.write(begin, 0, 'latin1')
    bytes.write(base64, begin.length, 'latin1')
    bytes.write(end, begin.length + base64.length)
    return bytes
  }

  #base64(body: string | Uint8Array): string {
    if (typeof body !== 'string') return Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64')
    const mostBytes = body.length * 3
    if (mostBytes > mostReserved) return Buffer.from(body).toString('base64')
    if (mostBytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(mostBytes)
    return this.#scratch.toString('base64', 0, this.#scratch.write(body))
  }
}
