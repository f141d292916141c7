import { className, isRecord } from './describe-value.ts'
import { ModelReference } from './model-reference.ts'
import { Decimal, PlainDate, PlainTime, Uuid } from './typed-values.ts'

export interface ReprOptions {
  /** Characters; the rest is cut. Default 1024. */
  readonly maxLength?: number
}

const maxLevels = 8

/** A value as Python's `repr` shows it, for people. Instances of classes show their class only. Never throws. */
export function reprValue(value: unknown, { maxLength = 1024 }: ReprOptions = {}): string {
  const printer = new Printer(maxLength)
  printer.value(value, 0)
  return printer.text
}

/** Positional arguments as a Python tuple: `(2, 3)`, `(2,)`, `()`. */
export function reprArgs(args: readonly unknown[], { maxLength = 1024 }: ReprOptions = {}): string {
  const printer = new Printer(maxLength)
  printer.guard(() => printer.sequence('(', args, args.length === 1 ? ',)' : ')', 0))
  return printer.text
}

/** Keyword arguments as a Python dictionary: `{'y': 3}`. */
export function reprKwargs(kwargs: Readonly<Record<string, unknown>>, options: ReprOptions = {}): string {
  for (const _ in kwargs) return reprValue(kwargs, options)
  return '{}'
}

class Printer {
  readonly #maxLength: number
  #text = ''
  #full = false

  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  get text(): string {
    return this.#text
  }

  /** What cannot be read is shown as such. */
  guard(print: () => void): void {
    try {
      print()
    } catch {
      this.#add('<unreadable>')
    }
  }

  value(value: unknown, level: number): void {
    switch (typeof value) {
      case 'string':
        return this.#add(reprText(value, this.#maxLength))
      case 'number':
        return this.#add(reprNumber(value))
      case 'boolean':
        return this.#add(value ? 'True' : 'False')
      case 'bigint':
        return this.#add(reprBigint(value))
      case 'undefined':
        return this.#add('None')
      case 'object':
        return value === null ? this.#add('None') : this.guard(() => this.#object(value, level))
      case 'function':
      case 'symbol':
        return this.#add(`<${typeof value}>`)
    }
  }

  sequence(open: string, items: readonly unknown[], close: string, level: number): void {
    this.#add(open)
    for (let index = 0; index < items.length && !this.#full; index++) {
      if (index > 0) this.#add(', ')
      this.value(items[index], level + 1)
    }
    this.#add(close)
  }

  #object(value: object, level: number): void {
    if (Array.isArray(value)) return level < maxLevels ? this.sequence('[', value, ']', level) : this.#add('[...]')
    const special = reprSpecial(value, this.#maxLength)
    if (special !== undefined) return this.#add(special)
    if (!isRecord(value)) return this.#add(`<${className(value)}>`)
    if (level >= maxLevels) return this.#add('{...}')
    this.#record(value, level)
  }

  #record(record: Record<string, unknown>, level: number): void {
    this.#add('{')
    let first = true
    for (const key in record) {
      if (this.#full) return
      if (!first) this.#add(', ')
      first = false
      this.#add(`${reprText(key, this.#maxLength)}: `)
      this.guard(() => this.value(record[key], level + 1))
    }
    this.#add('}')
  }

  #add(text: string): void {
    if (this.#full) return
    this.#text += text
    if (this.#text.length <= this.#maxLength) return
    this.#full = true
    this.#text = `${this.#text.slice(0, Math.max(0, this.#maxLength - 3))}...`
  }
}

function reprNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  return Object.is(value, -0) ? '-0.0' : String(value)
}

function reprBigint(value: bigint): string {
  const huge = 1n << 4096n
  return value > huge || value < -huge ? '<large integer>' : String(value)
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

// eslint-disable-next-line no-control-regex
const escaped = /[\\'\u0000-\u001f\u007f-\u00a0\u00ad\u2028\u2029]/
const allEscaped = new RegExp(escaped.source, 'g')

function reprText(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? text.slice(0, maxLength) : text
  if (!escaped.test(cut)) return `'${cut}'`
  const quote = cut.includes("'") && !cut.includes('"') ? '"' : "'"
  const body = cut.replace(allEscaped, (character) => {
    if (character === "'") return quote === "'" ? "\\'" : "'"
    const code = character.charCodeAt(0)
    return escapes[character] ?? (code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`)
  })
  return `${quote}${body}${quote}`
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, '0')
}

function reprSpecial(value: object, maxLength: number): string | undefined {
  if (value instanceof ModelReference) return value.toString()
  if (value instanceof Date) return reprDate(value)
  if (value instanceof Uint8Array) return reprBytes(value, maxLength)
  if (value instanceof Decimal) return `Decimal('${value.text}')`
  if (value instanceof Uuid) return `UUID('${value.text}')`
  if (value instanceof PlainDate) return `datetime.date(${value.text.split('-').map(Number).join(', ')})`
  if (value instanceof PlainTime) return `datetime.time(${value.text})`
  return undefined
}

function reprDate(date: Date): string {
  if (Number.isNaN(date.getTime())) return '<invalid date>'
  const parts = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours()]
  parts.push(date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds() * 1000)
  while (parts.length > 5 && parts.at(-1) === 0) parts.pop()
  return `datetime.datetime(${parts.join(', ')}, tzinfo=datetime.timezone.utc)`
}

function reprBytes(bytes: Uint8Array, maxLength: number): string {
  let text = ''
  for (const code of bytes.subarray(0, maxLength)) {
    const plain = code >= 0x20 && code < 0x7f && code !== 0x27 && code !== 0x5c
    text += plain ? String.fromCharCode(code) : `\\x${hex(code, 2)}`
  }
  return `b'${text}'`
}
