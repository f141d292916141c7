import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { saysUnavailable } from '../../../src/app/database-errors.ts'

describe('saysUnavailable', () => {
  it('finds the driver code however deep the ORM wraps it', () => {
    const code = { code: '57P01' }
    const errors = [
      code,
      new Error('query failed', { cause: code }),
      { driverError: { code: 'ECONNRESET' } },
      { parent: { code: 'PROTOCOL_CONNECTION_LOST' } },
      { code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: '57P01' } } } },
      { nativeError: { errno: 2013 } },
      { code: 'SQLITE_BUSY' },
    ]
    for (const error of errors) assert.equal(saysUnavailable(error), true, JSON.stringify(error))
  })

  it('reads the text where the driver loses the code', () => {
    assert.equal(saysUnavailable(new Error('Connection terminated unexpectedly')), true)
  })

  it('leaves errors about the statement, odd values and loops alone', () => {
    const loop: { cause?: unknown } = {}
    loop.cause = loop
    for (const error of [new Error('no such table: users'), { code: '23505' }, undefined, 'ECONNRESET', loop]) {
      assert.equal(saysUnavailable(error), false)
    }
  })
})
