import type { CommandRun } from './command-run.ts'

/** Work that is done by now shows nothing. */
const quietMs = 500
const everyMs = 250
const barWidth = 30

export interface LongWork {
  /** What is done, as a verb: `purging mail`. */
  readonly label: string
  readonly total: number
  /** How many are left; asked now and then while the work goes on. */
  left(): Promise<number>
}

/**
 * Does `work`, with a line about it that is written over and over while it takes long: in a terminal only, never with
 * `--quiet` or `--json`.
 */
export async function withProgress<T>(run: CommandRun, long: LongWork, work: () => Promise<T>): Promise<T> {
  const { err } = run.terminal
  if (err.isTTY !== true || run.printer.isQuiet || run.printer.isJson) return await work()
  const startedAt = performance.now()
  const shown = { line: '' }
  let asking = Promise.resolve()
  const show = async (): Promise<void> => {
    const done = Math.max(0, long.total - (await long.left()))
    shown.line = progressLine(long.label, done, long.total, performance.now() - startedAt)
    err.write(`\r\u001B[K${shown.line}`)
  }
  const timer = setInterval(() => {
    // Whoever does the work is told what is wrong with the store.
    if (performance.now() - startedAt >= quietMs) asking = asking.then(show).catch(() => undefined)
  }, everyMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    await asking
    if (shown.line !== '') err.write('\r\u001B[K')
  }
}

export function progressLine(label: string, done: number, total: number, elapsedMs: number): string {
  const part = total === 0 ? 1 : Math.min(1, done / total)
  const filled = Math.round(part * barWidth)
  const bar = `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`
  const leftSeconds = done === 0 ? undefined : Math.ceil(((total - done) / done) * (elapsedMs / 1000))
  const left = leftSeconds === undefined || part === 1 ? '' : `, ${leftSeconds}s left`
  return `${label} [${bar}] ${done}/${total} (${Math.floor(part * 100)} %${left})`
}
