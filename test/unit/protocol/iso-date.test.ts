import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatIsoDate, parseIsoDate } from '../../../src/protocol/iso-date.ts'
import { date } from './arbitraries.ts'

describe('ISO dates', () => {
  it('read back as they were written', () => {
    fc.assert(
      fc.property(date, (written) => {
        const text = formatIsoDate(written) ?? assert.fail()
        assert.deepEqual(parseIsoDate(text), written)
        const other = `${text.slice(0, 23)}456Z`
        assert.deepEqual(parseIsoDate(other), written)
        assert.equal(formatIsoDate(parseIsoDate(other) ?? written), other)
      }),
      { numRuns: 500 },
    )
  })

  it('are refused outside the calendar, however they are spelled', () => {
    for (const day of [
      '2026-02-30',
      '2026-02-29',
      '2026-13-01',
      '2026-00-01',
      '2026-01-00',
      '0000-01-01',
      '2026-04-31',
    ]) {
      for (const time of ['T00:00:00.000+00:00', 'T00:00:00Z', '', ' 10:00'])
        assert.equal(parseIsoDate(day + time), undefined)
    }
    for (const time of ['24:00:00.000', '23:60:00.000', '23:59:60.000', '99:99:99.999']) {
      for (const zone of ['+00:00', 'Z', '']) assert.equal(parseIsoDate(`2026-01-01T${time}${zone}`), undefined)
    }
    for (const text of [
      '',
      'now',
      '2026',
      '2026-01',
      '1700000000',
      '2026-01-01T',
      '2026-01-01T00:00:00.+00:00',
      '２０２６-01-01',
    ]) {
      assert.equal(parseIsoDate(text), undefined, text)
    }
  })

  it("of this machine's time zone are not written as they were read, for they would mean another time", () => {
    const local = parseIsoDate('2026-07-01T12:30:00', 'local')
    assert.equal(local?.getTime(), new Date(2026, 6, 1, 12, 30).getTime())
    assert.equal(formatIsoDate(local), new Date(2026, 6, 1, 12, 30).toISOString().replace('Z', '+00:00'))
  })

  it('are not written outside the years that Python has', () => {
    assert.equal(formatIsoDate(new Date(NaN)), undefined)
    assert.equal(formatIsoDate(new Date('+010000-01-01T00:00:00Z')), undefined)
    assert.equal(formatIsoDate(new Date('0000-12-31T23:59:59Z')), undefined)
    assert.equal(formatIsoDate(new Date('9999-12-31T23:59:59.999Z')), '9999-12-31T23:59:59.999+00:00')
  })
})
