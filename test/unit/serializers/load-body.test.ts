import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { DecodeError } from '../../../src/errors.ts'
import { compress } from '../../../src/protocol/compression.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { jsonSerializer, loadBody } from '../../../src/serializers/open-serializer.ts'

const json = new Set(['application/json'])

function load(message: Partial<Message>, maxBytes?: number): unknown {
  const whole = {
    headers: {},
    properties: {},
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: '[1]',
    ...message,
  }
  return loadBody(whole, json, [jsonSerializer], maxBytes)
}

describe('loadBody', () => {
  it('reads text, bytes and compressed bytes', () => {
    assert.deepEqual(load({}), [1])
    assert.deepEqual(load({ body: Buffer.from('[1]') }), [1])
    const { header, body } = compress('zstd', Buffer.from('[1]'))
    assert.deepEqual(load({ headers: { compression: header }, body }), [1])
    assert.deepEqual(load({ headers: { compression: null } }), [1])
  })

  for (const contentType of [
    'application/x-python-serialize',
    'application/json; charset=utf-8',
    'text/plain',
    '',
    'JSON',
  ]) {
    it(`refuses the content type ${JSON.stringify(contentType)}`, () => {
      assert.throws(() => load({ contentType }), {
        name: 'ContentDisallowed',
        code: 'DECODE',
        message: /is refused; accepted are: application\/json/,
      })
    })
  }

  it('refuses a content type that can be read but is not accepted', () => {
    const message = {
      headers: {},
      properties: {},
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      body: '1',
    }
    assert.throws(() => loadBody(message, new Set(), [jsonSerializer]), { name: 'ContentDisallowed' })
  })

  it('refuses more than the largest body, as it came and decompressed', () => {
    const text = JSON.stringify('x'.repeat(2000))
    assert.throws(() => load({ body: text }, 1000), { name: 'DecodeError', message: /2002 bytes; at most 1000/ })
    const { header, body } = compress('gzip', Buffer.from(text))
    assert.throws(() => load({ headers: { compression: header }, body }, 1000), { message: /more than 1000 bytes/ })
    assert.equal(load({ body: JSON.stringify('é'.repeat(499)) }, 1000), 'é'.repeat(499))
    assert.throws(() => load({ body: JSON.stringify('é'.repeat(500)) }, 1000), DecodeError)
  })

  it('refuses text that claims to be compressed', () => {
    assert.throws(() => load({ headers: { compression: 'gzip' } }), { name: 'DecodeError', message: /text, yet/ })
  })

  it('gives a value or a DecodeError for any bytes under any compression', () => {
    const compression = fc.constantFrom(undefined, null, 'gzip', 'brotli', 'zstd', 'xz', 'nope', 7, {})
    fc.assert(
      fc.property(fc.uint8Array(), compression, (body, name) => {
        try {
          load({ body, headers: { compression: name } })
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error))
        }
      }),
    )
  })
})

describe('optional serializers', () => {
  it('say how to install what they need', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'celeriac-'))
    try {
      for (const part of ['errors.ts', 'protocol', 'serializers']) {
        await cp(path.resolve(import.meta.dirname, '../../../src', part), path.join(folder, part), { recursive: true })
      }
      const module = JSON.stringify(path.join(folder, 'serializers/open-serializer.ts'))
      const script = `const { openSerializer } = await import(${module})
        for (const name of ['msgpack', 'yaml']) await openSerializer(name).catch((error) => console.log(String(error)))`
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
        cwd: folder,
      })
      assert.deepEqual(stdout.trim().split('\n'), [
        'ImproperlyConfigured: The serializer msgpack needs the package @msgpack/msgpack, which is not installed: npm i @msgpack/msgpack',
        'ImproperlyConfigured: The serializer yaml needs the package yaml, which is not installed: npm i yaml',
      ])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
