import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { DecodeError } from '../../../src/errors.ts'
import { compress, compressionNames, decompress } from '../../../src/protocol/compression.ts'

describe('compression', () => {
  for (const name of compressionNames) {
    it(`${name} gives back what went in, by its name and by its header`, () => {
      fc.assert(
        fc.property(fc.uint8Array(), (bytes) => {
          const { header, body } = compress(name, bytes)
          for (const by of [name, header])
            assert.deepEqual(new Uint8Array(decompress(by, body, 1000)), new Uint8Array(bytes))
        }),
        { numRuns: 30 },
      )
    })

    it(`${name} refuses a bomb`, () => {
      const { body } = compress(name, new Uint8Array(10_000_000))
      assert.ok(body.length < 20_000)
      assert.throws(() => decompress(name, body, 1_000_000), {
        name: 'DecodeError',
        message: /more than 1000000 bytes/,
      })
    })

    it(`${name} gives bytes or a DecodeError for any bytes`, () => {
      const { body } = compress(name, Buffer.from('some text, some text'))
      const mutated = fc.tuple(fc.nat(body.length - 1), fc.nat(255), fc.nat(body.length)).map(([at, value, length]) => {
        const copy = body.slice()
        copy[at] = value
        return copy.subarray(0, length)
      })
      fc.assert(
        fc.property(fc.oneof(mutated, fc.uint8Array()), (bytes) => {
          try {
            decompress(name, bytes, 1000)
          } catch (error) {
            assert.ok(error instanceof DecodeError, String(error))
          }
        }),
        { numRuns: 300 },
      )
    })
  }

  it('called gzip is a zlib stream, and a real gzip stream is refused', () => {
    assert.equal(compress('gzip', Buffer.from('x')).header, 'application/x-gzip')
    assert.equal(zlib.inflateSync(compress('gzip', Buffer.from('x')).body).toString(), 'x')
    assert.throws(() => decompress('gzip', zlib.gzipSync('x'), 100), { name: 'DecodeError', message: /no gzip stream/ })
  })

  for (const name of ['bzip2', 'lzma', 'xz', 'application/x-bz2']) {
    it(`${name} is known and not supported`, () => {
      assert.throws(() => compress(name, new Uint8Array(1)), {
        name: 'EncodeError',
        message: /Unsupported compression .*gzip/,
      })
      assert.throws(() => decompress(name, new Uint8Array(1), 10), { name: 'DecodeError', message: /Unsupported/ })
    })
  }

  for (const name of ['rot13', '__proto__', 7, null]) {
    it(`${String(name)} is unknown`, () => {
      assert.throws(() => decompress(name, new Uint8Array(1), 10), {
        name: 'DecodeError',
        message: /Unknown compression/,
      })
      if (typeof name === 'string') assert.throws(() => compress(name, new Uint8Array(1)), /Unknown compression/)
    })
  }
})
