import { readFileSync } from 'node:fs'

/** What producers and workers wrote down outside the store, compared. */
export interface Ledger {
  /** Calls that were accepted: `delay` resolved. */
  readonly sent: number
  /** Of these, those whose body got to its end just once. */
  readonly once: number
  readonly moreThanOnce: number
  /** Accepted, and not run yet. */
  readonly lost: number
  /** Calls that were refused: `delay` rejected. Whether they ran does not matter. */
  readonly refused: number
  /** All ends of bodies. */
  readonly ran: number
  toString(): string
}

/** Of all producers, or of those with these process ids. */
export function readLedger(
  files: { readonly sent: string; readonly runs: string },
  producers?: readonly (number | undefined)[],
): Ledger {
  const runs = new Map<string, number>()
  const ended = linesOf(files.runs)
  for (const id of ended) runs.set(id, (runs.get(id) ?? 0) + 1)
  const calls = linesOf(files.sent).filter((line) => !producers || producers.includes(producerOf(line)))
  const accepted = calls.filter((line) => !line.startsWith('refused'))
  const counts = accepted.map((id) => runs.get(id) ?? 0)
  const ledger = {
    sent: accepted.length,
    once: counts.filter((count) => count === 1).length,
    moreThanOnce: counts.filter((count) => count > 1).length,
    lost: counts.filter((count) => count === 0).length,
    refused: calls.length - accepted.length,
    ran: ended.length,
  }
  const { sent, once, moreThanOnce, lost, refused } = ledger
  const text = `${sent} sent, ${once} run once, ${moreThanOnce} more than once, ${lost} lost; ${refused} refused`
  return { ...ledger, toString: () => text }
}

/** The process id, with which the ids of its calls begin. */
function producerOf(line: string): number {
  return Number.parseInt(line.replace('refused ', ''), 10)
}

/** Without a last line that a killed process did not finish. */
function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1)
}
