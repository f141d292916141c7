import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Decimal, PlainDate, PlainTime, Uuid } from '../../../src/protocol/typed-values.ts'

describe('typed values', () => {
  it('keep their text, and are equal by it', () => {
    assert.equal(
      [new Decimal('1.10'), new PlainDate('2026-01-02'), new PlainTime('03:04:05')].join(' '),
      '1.10 2026-01-02 03:04:05',
    )
    assert.equal(JSON.stringify([new Decimal('1.10')]), '["1.10"]')
    assert.equal(new Decimal('1.10').equals(new Decimal('1.10')), true)
    assert.equal(new Decimal('1.10').equals(new Decimal('1.1')), false)
    assert.equal(new PlainDate('2026-01-02').equals('2026-01-02'), false)
  })

  it('write a UUID in one way', () => {
    const text = '12345678-1234-5678-1234-567812345abc'
    for (const spelled of [text, text.toUpperCase(), text.replaceAll('-', '')])
      assert.equal(new Uuid(spelled).text, text)
  })

  for (const [type, make] of [
    ['Decimal', () => new Decimal('1,5')],
    ['Decimal', () => new Decimal(1.5 as never)],
    ['Uuid', () => new Uuid('1234')],
    ['PlainDate', () => new PlainDate('2026-13-01')],
    ['PlainTime', () => new PlainTime('24:00')],
  ] as const) {
    it(`${type} refuses other texts: ${String(make)}`, () => {
      assert.throws(make, { code: 'INVALID_ARGUMENTS', message: new RegExp(`^${type} must be a text such as '`) })
    })
  }
})
