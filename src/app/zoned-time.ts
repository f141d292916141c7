import { parseIsoDate } from '../protocol/iso-date.ts'

/**
 * An ISO 8601 time; without an offset it is wall-clock time in `timezone` (the app's). A time that a change of clocks
 * skips is taken an hour later, one that it repeats at its first turn. Undefined for text that is no time.
 */
export function parseTime(text: string, timezone: string): Date | undefined {
  const read = parseIsoDate(text)
  if (!read || hasOffset(text)) return read
  const wallMs = read.getTime()
  // The offset before the change is right for both sides of a gap and for the first turn of a repeated hour.
  const guessMs = wallMs - offsetMs(wallMs - dayMs, timezone)
  const exactMs = wallMs - offsetMs(guessMs, timezone)
  const isSame = exactMs + offsetMs(exactMs, timezone) === wallMs
  return new Date(isSame ? exactMs : guessMs)
}

const dayMs = 86_400_000

function hasOffset(text: string): boolean {
  return /(Z|[+-]\d\d(:?\d\d)*)$/i.test(text) && text.length > 'YYYY-MM-DD'.length
}

function offsetMs(time: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' }).formatToParts(time)
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT'
  const match = /^GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name)
  if (!match) return 0
  const [, sign, hours, minutes, seconds = '0'] = match
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
}
