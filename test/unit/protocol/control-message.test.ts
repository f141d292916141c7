import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeControlRequest, encodeControlRequest, isAddressedTo } from '../../../src/protocol/control-message.ts'
import type { Message } from '../../../src/protocol/message.ts'

function received(body: string): Message {
  return {
    headers: { clock: 4, expires: 1795163409.57 },
    properties: { deliveryMode: 2, priority: 0 },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body,
  }
}

describe('a control request', () => {
  it('is written as kombu writes it', () => {
    const args = { task_id: 'a', terminate: false, signal: 'SIGTERM' }
    const message = encodeControlRequest({ method: 'revoke', arguments: args, destination: undefined })
    assert.deepEqual(message.headers, { clock: 1, expires: 0 })
    assert.deepEqual(message.properties, { deliveryMode: 2 })
    assert.deepEqual(JSON.parse(message.body as string), {
      method: 'revoke',
      arguments: args,
      destination: null,
      pattern: null,
      matcher: null,
    })
  })

  it('of Python is read, also as bytes and with members that nobody knows', () => {
    const body = '{"method": "ping", "arguments": {}, "destination": ["a@b"], "ticket": "t", "reply_to": {}, "new": 1}'
    const bytes = { ...received(''), body: new TextEncoder().encode(body) }
    for (const message of [received(body), bytes]) {
      const request = decodeControlRequest(message)
      assert.equal(request?.method, 'ping')
      assert.deepEqual(request.destination, ['a@b'])
    }
  })

  it('is nothing that anybody may put on the channel instead', () => {
    for (const body of ['', '[]', 'null', '{"method": 1}', '\u0000', '{"arguments": {}}'])
      assert.equal(decodeControlRequest(received(body)), undefined)
  })

  it('is for those whom it names, or whose name fits, else for all', () => {
    const isFor = (to: object): boolean => isAddressedTo({ destination: undefined, ...to }, 'w1@shop.example')
    assert.ok(isFor({}))
    assert.ok(isFor({ destination: ['w2@x', 'w1@shop.example'] }))
    assert.ok(!isFor({ destination: ['w1@shop'] }))
    assert.ok(isFor({ pattern: 'w?@*.exa[lm]ple', matcher: 'glob' }))
    assert.ok(!isFor({ pattern: 'w?@*.exa[!m]ple', matcher: 'glob' }))
    assert.ok(!isFor({ pattern: 'w1@shop', matcher: 'glob' }))
    assert.ok(isFor({ pattern: 'w\\d@', matcher: 'pcre' }))
    assert.ok(!isFor({ pattern: 'shop', matcher: 'pcre' }))
    assert.ok(!isFor({ pattern: '(', matcher: 'pcre' }), 'a broken pattern fits nobody')
  })

  it('with an empty list is for all, as in Celery', () => {
    const request = decodeControlRequest(received('{"method": "ping", "destination": []}'))
    assert.ok(request && isAddressedTo(request, 'any@where'))
  })
})
