import { idsOf } from './outbox-sql.ts'
import type { OutboxRow, PublishRows } from './outbox-rows.ts'

/** A claim outlives its publishing, however slow the machine is. */
const spareMs = 5000

/** Marks rows as held by one relay, for a while. */
export interface Claim {
  readonly name: string
  readonly lifeMs: number
}

/** The short transactions around a publishing that holds no lock. */
export interface Claiming {
  claim(claim: Claim): Promise<readonly OutboxRow[]>
  /** Deletes `done` and frees `left`, but for rows whose claim expired and was taken over. */
  settle(claim: Claim, done: readonly unknown[], left: readonly unknown[]): Promise<void>
}

export async function publishClaimed(rows: Claiming, withinMs: number, publish: PublishRows): Promise<number> {
  const claim: Claim = { name: crypto.randomUUID(), lifeMs: withinMs + spareMs }
  const claimed = await rows.claim(claim)
  if (claimed.length === 0) return 0
  let done = new Set<OutboxRow>()
  try {
    done = new Set(await publish(claimed))
  } finally {
    const left = claimed.filter((row) => !done.has(row))
    await rows.settle(claim, idsOf([...done]), idsOf(left))
  }
  return claimed.length
}
