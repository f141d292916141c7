import { inspect, styleText } from 'node:util'
import type { Output, Terminal } from './terminal.ts'

type Style = Parameters<typeof styleText>[0]

/** Writes what a command has to say: tables and lines for people, JSON for programs. */
export class Printer {
  readonly #terminal: Terminal
  readonly isJson: boolean
  readonly isQuiet: boolean
  readonly #mayColour: boolean

  constructor(
    terminal: Terminal,
    options: { readonly json: boolean; readonly quiet: boolean; readonly colour: boolean },
  ) {
    this.#terminal = terminal
    this.isJson = options.json
    this.isQuiet = options.quiet
    this.#mayColour = options.colour && (terminal.env['NO_COLOR'] ?? '') === ''
  }

  /** The one result of a command: `data` with `--json`, else `text`. */
  result(data: unknown, text: string): void {
    const shown = this.isJson ? JSON.stringify(data, jsonValue, 2) : text
    if (shown !== '') this.#terminal.out.write(`${shown}\n`)
  }

  /** A part of the result, for people, as it comes. */
  line(text: string): void {
    this.#terminal.out.write(`${text}\n`)
  }

  /** Something about the work, for people who look on. */
  note(text: string): void {
    if (!this.isQuiet) this.#terminal.err.write(`${text}\n`)
  }

  error(text: string): void {
    const label = this.hasColour(this.#terminal.err) ? styleText('red', 'Error:', { validateStream: false }) : 'Error:'
    this.#terminal.err.write(`${label} ${text}\n`)
  }

  /** `text` in a colour where data goes to a terminal. */
  paint(style: Style, text: string): string {
    return this.hasColour(this.#terminal.out) ? styleText(style, text, { validateStream: false }) : text
  }

  hasColour(output: Output): boolean {
    return this.#mayColour && output.isTTY === true
  }
}

/** Rows under their heads, columns as wide as needed, numbers to the right. */
export function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [heads, ...rows].map((row) => row.map((cell) => printable(String(cell))))
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const isNumber = heads.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'))
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** A value that came from elsewhere as one line that cannot steer the terminal. */
export function show(value: unknown): string {
  return printable(inspect(value, { depth: 4, breakLength: Infinity, compact: true }))
}

/** One line of text from elsewhere, with control characters shown instead of sent. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))
}

function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value
}
