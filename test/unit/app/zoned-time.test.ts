import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseTime } from '../../../src/app/zoned-time.ts'

describe('a time as text', () => {
  const cases: [string, string, string | undefined][] = [
    ['2026-11-20T10:00:00Z', 'Europe/Berlin', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00:00+05:30', 'Europe/Berlin', '2026-11-20T04:30:00.000Z'],
    ['2026-11-20T10:00:00', 'UTC', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00', 'Europe/Berlin', '2026-11-20T09:00:00.000Z'],
    ['2026-07-20T10:00:00', 'Europe/Berlin', '2026-07-20T08:00:00.000Z'],
    ['2026-07-20', 'America/New_York', '2026-07-20T04:00:00.000Z'],
    // Skipped: 02:30 does not exist, 03:30 does.
    ['2026-03-29T02:30:00', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
    // Repeated: the first 02:30 is summer time.
    ['2026-10-25T02:30:00', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
    ['2026-10-25T03:30:00', 'Europe/Berlin', '2026-10-25T02:30:00.000Z'],
    ['2026-11-20T10:00:00', 'Asia/Kathmandu', '2026-11-20T04:15:00.000Z'],
    ['tomorrow', 'UTC', undefined],
    ['', 'UTC', undefined],
  ]
  for (const [text, timezone, expected] of cases) {
    it(`'${text}' in ${timezone} is ${expected ?? 'none'}`, () => {
      assert.equal(parseTime(text, timezone)?.toISOString(), expected)
    })
  }
})
