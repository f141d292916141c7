import { InvalidArguments } from '../errors.ts'
import { describeValue } from './describe-value.ts'

function expectText(type: string, pattern: RegExp, text: string, example: string): void {
  if (typeof text === 'string' && pattern.test(text)) return
  throw new InvalidArguments(`${type} must be a text such as '${example}', got ${describeValue(text)}`)
}

const decimal = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[Ii]nf(?:inity)?|s?[Nn]a[Nn]\d*)$/

/** An exact decimal number, Python's `decimal.Decimal`, kept as its text: `1.10` stays `1.10`. */
export class Decimal {
  readonly text: string

  constructor(text: string) {
    expectText('Decimal', decimal, text, '1.10')
    this.text = text
  }

  equals(other: unknown): boolean {
    return other instanceof Decimal && other.text === this.text
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** A UUID, Python's `uuid.UUID`. Its text is lower case with dashes. */
export class Uuid {
  readonly text: string

  constructor(text: string) {
    expectText('Uuid', /^[\da-f]{8}(-?)[\da-f]{4}\1[\da-f]{4}\1[\da-f]{4}\1[\da-f]{12}$/i, text, crypto.randomUUID())
    this.text = text
      .toLowerCase()
      .replaceAll('-', '')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }

  equals(other: unknown): boolean {
    return other instanceof Uuid && other.text === this.text
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** A day without a time zone, Python's `datetime.date`: `2026-01-02`. */
export class PlainDate {
  readonly text: string

  constructor(text: string) {
    expectText('PlainDate', /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/, text, '2026-01-02')
    this.text = text
  }

  equals(other: unknown): boolean {
    return other instanceof PlainDate && other.text === this.text
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

const clock = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?$/

/** A time of day, Python's `datetime.time`: `03:04:05.000600`, with an offset if it has one. */
export class PlainTime {
  readonly text: string

  constructor(text: string) {
    expectText('PlainTime', clock, text, '03:04:05')
    this.text = text
  }

  equals(other: unknown): boolean {
    return other instanceof PlainTime && other.text === this.text
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}
