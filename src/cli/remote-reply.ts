import type { ControlReply } from '../protocol/control-message.ts'
import { isRecord } from '../protocol/describe-value.ts'
import { reprValue } from '../protocol/python-repr.ts'
import { printable, type Printer } from './output.ts'

/** Long enough for any task. */
const longestItem = 100_000
const indent = '    '

/** One reply as Celery's command line prints it: `->  w1@host: OK`, and below it what was said. */
export function showReply(printer: Printer, { node, value }: ControlReply, withBody: boolean): string {
  const [status, text] = pretty(printer, value)
  const arrow = printer.isQuiet ? '' : `${printer.paint(['white', 'bold'], '->')}  `
  const title = `${arrow}${printer.paint(['cyan', 'bold'], `${printable(node)}: `)}${status}`
  return withBody && text !== '' ? `${title}\n${indented(text)}` : title
}

function pretty(printer: Printer, value: unknown): readonly [status: string, text: string] {
  const ok = printer.paint('green', 'OK')
  if (Array.isArray(value)) return [ok, list(printer, value)]
  if (typeof value === 'string') return [ok, lines(value)]
  if (!isRecord(value)) return [ok, reprValue(value)]
  if ('ok' in value) return [ok, indented(pretty(printer, value['ok'])[1])]
  if ('error' in value) return [printer.paint('red', 'ERROR'), indented(pretty(printer, value['error'])[1])]
  return [ok, lines(JSON.stringify(sorted(value), jsonValue, 4))]
}

function list(printer: Printer, items: readonly unknown[]): string {
  if (items.length === 0) return '- empty -'
  const text = (item: unknown): string =>
    typeof item === 'string' ? printable(item) : reprValue(item, { maxLength: longestItem })
  return items.map((item) => `${printer.paint('white', '*')} ${text(item)}`).join('\n')
}

/** What comes from elsewhere must not steer the terminal; its lines stay lines. */
function lines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, indent)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => sorted(item))
  if (!isRecord(value)) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}

function jsonValue(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
