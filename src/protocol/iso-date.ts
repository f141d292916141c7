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
  const match = text.length <= 48 ? pattern.exec(text) : null
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((part: string | undefined) => Number(part ?? 0)) as Parts
  const milliseconds = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3))
  if (hour > 23 || minute > 59 || second > 59 || year < 1) return undefined
  const date = new Date(0)
  if (match[8] === undefined && naive === 'local') {
    date.setFullYear(year, month - 1, day)
    date.setHours(hour, minute, second, milliseconds)
    return date.getMonth() === month - 1 ? remember(date, text) : undefined
  }
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  date.setUTCHours(hour, minute, second, milliseconds)
  const offset = offsetMs(match[8])
  if (offset === undefined) return undefined
  date.setTime(date.getTime() - offset)
  return remember(date, text)
}

type Parts = [number, number, number, number, number, number]

function offsetMs(text: string | undefined): number | undefined {
  if (text === undefined || text === 'Z') return 0
  const digits = text.slice(1).replaceAll(':', '')
  const [hours, minutes, seconds] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].map(Number) as Offset
  if (hours > 23 || minutes > 59 || seconds >= 60) return undefined
  return (text.startsWith('-') ? -1 : 1) * Math.trunc(((hours * 60 + minutes) * 60 + seconds) * 1000)
}

type Offset = [number, number, number]

function remember(date: Date, text: string): Date {
  if (text.length !== 29 || !text.endsWith('+00:00')) origins.set(date, { text, time: date.getTime() })
  return date
}

/**
 * `YYYY-MM-DDTHH:mm:ss.SSS+00:00`, or the very text an unchanged Date was read from. Undefined for an invalid Date and
 * outside the years 1 to 9999, which Python cannot hold.
 */
export function formatIsoDate(date: Date): string | undefined {
  const time = date.getTime()
  const origin = origins.get(date)
  if (origin !== undefined && origin.time === time) return origin.text
  if (!(time >= -62_135_596_800_000 && time <= 253_402_300_799_999)) return undefined
  return `${date.toISOString().slice(0, 23)}+00:00`
}
