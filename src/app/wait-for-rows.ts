import { setTimeout as sleep } from 'node:timers/promises'
import { RowNotYetVisible } from '../errors.ts'
import type { ModelReference } from '../protocol/model-reference.ts'
import type { Rows, Wanted } from './row-loader.ts'

export type References = ReadonlyMap<string, ModelReference>

export interface WaitOptions {
  readonly read: (wanted: Wanted, primary: boolean) => Promise<Rows>
  readonly versionOf: (row: object) => number | string | undefined
  /** Begin with the primary instead of any replica. */
  readonly primary: boolean
  /** Accept rows that are older than they were at the call. */
  readonly acceptsOlder: boolean
  /** Until then, in ms since the epoch, a missing or too old row may be one whose transaction is still open. */
  readonly visibleBy: () => number
  /** Called with references whose rows are gone for good. It may throw. */
  readonly onGone: (references: readonly ModelReference[]) => void
  readonly signal: AbortSignal | undefined
}

const delaysMs = [25, 100, 400]

/**
 * Reads rows until each is there and not older than at the call, or known to be gone. What a replica lacks is read from
 * the primary at once; what the primary lacks is waited for, unless the sender said that it was committed.
 * Throws RowNotYetVisible for rows that stay too old.
 */
export async function waitForRows(wanted: References, options: WaitOptions): Promise<Rows> {
  const found = new Map<string, object>()
  let doubtful = wanted
  let { primary } = options
  for (let attempt = 0; ;) {
    const askedAt = Date.now()
    const rows = await abortable(options.read(doubtful, primary), options.signal)
    if (doubtful === wanted && areFresh(wanted, rows, options)) return rows
    const isLast = askedAt >= options.visibleBy()
    const verdict = judge(doubtful, rows, options)
    for (const [text, row] of verdict.fresh) found.set(text, row)
    const gone = primary ? verdict.missing.filter(([, { extra }]) => isLast || extra.c === 1) : []
    if (gone.length > 0) options.onGone(gone.map(([, reference]) => reference))
    doubtful = new Map([...verdict.older, ...verdict.missing].filter((entry) => !gone.includes(entry)))
    if (doubtful.size === 0) return found
    if (primary && isLast) throw tooOld(verdict.older)
    if (primary) await sleep(waitMs(attempt++, options.visibleBy()), undefined, signalOption(options.signal))
    primary = true
  }
}

function areFresh(references: References, rows: Rows, { versionOf, acceptsOlder }: WaitOptions): boolean {
  if (rows.size < references.size) return false
  if (acceptsOlder) return true
  for (const [text, { extra }] of references) {
    const row = extra.v === undefined ? undefined : rows.get(text)
    if (row && isNewer(extra.v, versionOf(row))) return false
  }
  return true
}

type Entry = readonly [text: string, reference: ModelReference]

function judge(
  references: References,
  rows: Rows,
  { versionOf, acceptsOlder }: WaitOptions,
): { readonly fresh: [string, object][]; readonly older: Entry[]; readonly missing: Entry[] } {
  const fresh: [string, object][] = []
  const older: Entry[] = []
  const missing: Entry[] = []
  for (const entry of references) {
    const [text, reference] = entry
    const row = rows.get(text)
    if (!row) missing.push(entry)
    else if (!acceptsOlder && isNewer(reference.extra.v, versionOf(row))) older.push(entry)
    else fresh.push([text, row])
  }
  return { fresh, older, missing }
}

/** False where the two cannot be compared: a model may have got or lost its version column meanwhile. */
export function isNewer(version: number | string | undefined, other: number | string | undefined): boolean {
  if (version === undefined || other === undefined) return false
  if (typeof version === 'number' && typeof other === 'number') return version > other
  return Date.parse(String(version)) > Date.parse(String(other))
}

function waitMs(attempt: number, visibleBy: number): number {
  return Math.max(1, Math.min(delaysMs[attempt] ?? 400, visibleBy - Date.now()))
}

function tooOld(entries: readonly Entry[]): RowNotYetVisible {
  const names = listed(entries.map(([, reference]) => reference))
  return new RowNotYetVisible(
    `${names}: older than when the task was called; the transaction of the call may still be open, or was rolled back`,
  )
}

/** `shop.Order(1), shop.Order(2) and 7 more`. */
export function listed(references: readonly ModelReference[]): string {
  const shown = references.slice(0, 5).join(', ')
  return references.length > 5 ? `${shown} and ${references.length - 5} more` : shown
}

function signalOption(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}

/** Rejects with the signal's reason as soon as it aborts, whatever becomes of the promise. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const settle = (value: T | Promise<T>): void => {
      signal.removeEventListener('abort', abort)
      resolve(value)
    }
    promise.then(settle, () => settle(promise))
  })
}
