interface Origin {
  readonly text: string
  readonly time: number
}

/** The text a Date was read from, where a Date cannot hold all of it: microseconds, another offset, none at all. */
const origins = new WeakMap<Date, Origin>()

const pattern =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d{1,6})?)?)?)?)?$/

/**
 * Reads the ISO 8601 that Python writes: with `Z`, an offset, or naive, which means UTC (or this machine's time zone),
 * and with up to nine digits of a second. Undefined for anything else.
 */
export function parseIsoDate(text: string, naive: 'utc' | 'local' = 'utc'): Date | undefined {
  if (isCanonical(text)) return parseCanonical(text)
  const match = text.length <= 48 ? pattern.exec(text) : null
  if (!match) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = match
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3))
  const parts = [Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second)] as const
  const time = utcTime(parts, milliseconds)
  const offset = offsetMs(zone)
  if (time === undefined || offset === undefined) return undefined
  if (zone === undefined && naive === 'local') return localDate(new Date(time))
  const date = new Date(time - offset)
  origins.set(date, { text, time: date.getTime() })
  return date
}

/** Whether the text has the form that {@link formatIsoDate} writes: `2026-11-20T08:29:12.477+00:00`. */
function isCanonical(text: string): boolean {
  if (text.length !== 29 || !text.endsWith('+00:00')) return false
  for (let at = 0; at < 23; at++) {
    const code = text.charCodeAt(at)
    const separator = '0000-00-00T00:00:00.000'.charCodeAt(at)
    if (separator === zero ? code < zero || code > zero + 9 : code !== separator) return false
  }
  return true
}

const zero = 48

/** The engine lets the 30th of February pass as the 2nd of March, and hour 24. */
function parseCanonical(text: string): Date | undefined {
  const date = new Date(text)
  return date.getUTCDate() === Number(text.slice(8, 10)) && !text.startsWith('0000') ? date : undefined
}

const msOf400Years = 146_097 * 86_400_000

type Parts = readonly [year: number, month: number, day: number, hour: number, minute: number, second: number]

function utcTime([year, month, day, hour, minute, second]: Parts, milliseconds: number): number | undefined {
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return undefined
  // Date.UTC takes the years 0 to 99 for those of the last century.
  const time = Date.UTC(year + 400, month - 1, day, hour, minute, second, milliseconds) - msOf400Years
  const date = new Date(time)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? time : undefined
}

/** The moment at which clocks here show what `date` shows in UTC. */
function localDate(date: Date): Date {
  const local = new Date(0)
  local.setFullYear(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate())
  local.setHours(date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds())
  return local
}

function offsetMs(text: string | undefined): number | undefined {
  if (text === undefined || text === 'Z') return 0
  const digits = text.slice(1).replaceAll(':', '')
  const [hours, minutes, seconds] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].map(Number) as Offset
  if (hours > 23 || minutes > 59 || seconds >= 60) return undefined
  return (text.startsWith('-') ? -1 : 1) * Math.trunc(((hours * 60 + minutes) * 60 + seconds) * 1000)
}

type Offset = [number, number, number]

/**
 * `YYYY-MM-DDTHH:mm:ss.SSS+00:00`, or the very text an unchanged Date was read from. Undefined for an invalid Date and
 * outside the years 1 to 9999, which Python cannot hold.
 */
export function formatIsoDate(date: Date): string | undefined {
  const time = date.getTime()
  const origin = origins.get(date)
  if (origin !== undefined && origin.time === time) return origin.text
  if (!(time >= -62_135_596_800_000 && time <= 253_402_300_799_999)) return undefined
  if (time !== last.time) last = { time, text: `${date.toISOString().slice(0, 23)}+00:00` }
  return last.text
}

/** Of the tasks that end, many do in the same millisecond. */
let last = { time: Number.NaN, text: '' }
