import { emitKeypressEvents } from 'node:readline'
import { styleText } from 'node:util'
import type { ScreenSize } from './screen.ts'

export type StyleText = Parameters<typeof styleText>[0]

/** A terminal as a screen with keys. */
export interface TerminalScreen {
  readonly size: ScreenSize
  /** Takes the screen and the keys until it is disposed of. Keys are named as node:readline names them, `ctrl-c` so. */
  open(onKey: (key: string) => void, onResize: () => void): Disposable
  show(lines: readonly string[]): void
  paint(style: StyleText, text: string): string
}

interface Key {
  readonly name?: string
  readonly sequence?: string
  readonly ctrl?: boolean
}

/** The terminal of this process; undefined where there is none. */
export function processScreen(
  { stdin, stdout }: Pick<NodeJS.Process, 'stdin' | 'stdout'> = process,
  hasColour = true,
): TerminalScreen | undefined {
  if (!stdin.isTTY || !stdout.isTTY) return undefined
  return {
    get size() {
      return { columns: stdout.columns, rows: stdout.rows }
    },
    paint: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    show(lines) {
      // Each line clears what is left of the one before it: without a flicker.
      stdout.write(`\u001B[H${lines.map((line) => `${line}\u001B[K`).join('\r\n')}`)
    },
    open(onKey, onResize) {
      const onKeypress = (text: string | undefined, { name, sequence, ctrl }: Key): void => {
        if (ctrl === true) onKey(`ctrl-${name ?? ''}`)
        // What can be typed is itself: Y is not y.
        else onKey(text !== undefined && /^[!-~]$/.test(text) ? text : (name ?? sequence ?? ''))
      }
      emitKeypressEvents(stdin)
      stdin.setRawMode(true).resume().on('keypress', onKeypress)
      stdout.on('resize', onResize).write('\u001B[?1049h\u001B[?25l\u001B[2J')
      return {
        [Symbol.dispose]() {
          stdin.off('keypress', onKeypress).setRawMode(false).pause()
          stdout.off('resize', onResize).write('\u001B[?25h\u001B[?1049l')
        },
      }
    },
  }
}
