import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../../src/errors.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../src/protocol/envelope.ts'
import { LargeEnvelopes } from '../../../src/protocol/large-envelope.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { loadJson } from '../../../src/protocol/typed-json.ts'

const captures = path.resolve(import.meta.dirname, '../../fixtures/captures')

/** Every raw envelope that a capture holds, at any depth. */
function rawEnvelopes(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(rawEnvelopes)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'raw' && typeof inner === 'string' ? [inner] : rawEnvelopes(inner),
  )
}

const message: fc.Arbitrary<Message> = fc.record({
  headers: fc.dictionary(
    fc.string().filter((key) => key !== 'redelivered' && key !== 'compression' && key !== '__proto__'),
    fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
  ),
  properties: fc.record({
    correlationId: fc.string(),
    priority: fc.integer({ min: 0, max: 9 }),
    deliveryMode: fc.constant(2 as const),
  }),
  contentType: fc.string(),
  contentEncoding: fc.constant('binary'),
  body: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
})

describe('kombu’s envelope', () => {
  for (const file of readdirSync(captures).filter((name) => name.startsWith('task_v') && !name.includes('nonredis'))) {
    it(`of ${file} is read, and written again equal`, () => {
      const raws = rawEnvelopes(loadJson(readFileSync(path.join(captures, file), 'utf8')))
      assert.ok(raws.length > 0, 'no envelope in the capture')
      for (const raw of raws) {
        const { message: opened, address } = decodeEnvelope(raw)
        const wire = JSON.parse(raw) as { properties: Record<string, unknown> }
        const again = JSON.parse(encodeEnvelope(opened, address)) as { properties: Record<string, unknown> }
        // Options that Celery does not know leak into properties (celery-wire 1.4): they are not kept.
        const known = Object.keys(wire.properties).filter((key) => key in again.properties)
        assert.deepEqual(again, {
          ...wire,
          properties: Object.fromEntries(known.map((key) => [key, wire.properties[key]])),
        })
      }
    })
  }

  it('gives back what was put in', () => {
    fc.assert(
      fc.property(message, fc.string({ minLength: 1 }), (given, routingKey) => {
        const address = { exchange: '', routingKey, deliveryTag: 'tag' }
        const opened = decodeEnvelope(encodeEnvelope(given, address))
        assert.deepEqual(opened.message, {
          ...given,
          headers: { ...given.headers },
          properties: { ...given.properties },
        })
        assert.deepEqual(opened.address, address)
      }),
    )
  })

  it('is a DecodeError, or an envelope, whatever the text', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `{"body":"","content-type":"x","properties":${json},"headers":${json}}`),
    )
    fc.assert(
      fc.property(texts, (text) => {
        try {
          decodeEnvelope(text)
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error))
        }
      }),
    )
  })

  it('has the same bytes where a large one is encoded', () => {
    const large = new LargeEnvelopes()
    const address = { exchange: 'celeryev', routingKey: 'task.multi', deliveryTag: 'é' }
    const bodies = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array(), fc.constant('ä€😀'.repeat(200_000)))
    fc.assert(
      fc.property(message, bodies, (some, body) => {
        const sent = { ...some, body }
        assert.equal(large.encode(sent, address).toString(), encodeEnvelope(sent, address))
      }),
    )
  })

  it('takes a body that is not in base64', () => {
    const text =
      '{"body":"[1]","content-type":"application/json","properties":{"delivery_tag":"t","body_encoding":"utf-8"}}'
    assert.equal(decodeEnvelope(text).message.body, '[1]')
  })
})
