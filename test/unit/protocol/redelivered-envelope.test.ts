import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeEnvelope } from '../../../src/protocol/envelope.ts'
import { readUnacked, redeliveredEnvelope } from '../../../src/protocol/redelivered-envelope.ts'

const envelope =
  '{"celeriac-due": 5, "body": "W10=", "content-type": "application/json", "headers": {"id": "a", "big": 18446744073709551616, "float": 1.0}, ' +
  '"properties": {"delivery_info": {"exchange": "", "routing_key": "q"}, "priority": 3, "body_encoding": "base64", "delivery_tag": "t"}}'

describe('an envelope that is given out again', () => {
  it('has kombu’s flags and the number of deliveries, and is otherwise what it was, to the digit', () => {
    assert.equal(
      redeliveredEnvelope(envelope, 2),
      '{"celeriac-due":5,"body":"W10=","content-type":"application/json",' +
        '"headers":{"id":"a","big":18446744073709551616,"float":1.0,"redelivered":true},' +
        '"properties":{"delivery_info":{"exchange":"","routing_key":"q","redelivered":true},' +
        '"priority":3,"body_encoding":"base64","delivery_tag":"t"},"celeriac-deliveries":2}',
    )
  })

  it('counts on', () => {
    const opened = decodeEnvelope(redeliveredEnvelope(redeliveredEnvelope(envelope, 1), 2))
    assert.deepEqual([opened.deliveries, opened.redelivered, opened.dueMs], [2, true, 5])
  })

  it('counts also where Python wrote what is no JSON', () => {
    const withNan = envelope.replace('1.0', 'NaN')
    const opened = decodeEnvelope(redeliveredEnvelope(redeliveredEnvelope(withNan, 1), 2))
    assert.equal(opened.deliveries, 2)
  })

  it('is left alone if it is none', () => {
    for (const text of ['', 'junk', '[1]', '{', '42']) assert.equal(redeliveredEnvelope(text, 1), text)
  })

  it('is found in a record of kombu, with where it goes', () => {
    const { redelivered, ...found } = readUnacked(`[${envelope}, "ex", "key"]`) ?? {}
    assert.deepEqual(found, { exchange: 'ex', routingKey: 'key', wirePriority: 3, deliveries: 0 })
    assert.equal(redelivered, redeliveredEnvelope(envelope, 1))
    for (const text of ['', '[]', '[1, "", "q"]', '{}', '[{}, "", 1]']) assert.equal(readUnacked(text), undefined)
  })
})
