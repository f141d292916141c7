import type { Job } from './pool.ts'
import type { ShortJobs } from './short-jobs.ts'
import type { Slot } from './slot.ts'

/**
 * The slot that a job is given to: a free one, while fewer than `most` run something; for a job that is very short also one
 * that runs another such. Undefined: it has to wait.
 */
export function chooseSlot(slots: readonly Slot[], most: number, job: Job, short: ShortJobs): Slot | undefined {
  let best: Slot | undefined
  let active = 0
  for (const slot of slots) {
    if (slot.load > 0) active++
    if (slot.isReady && (!best || isBetter(slot, best))) best = slot
  }
  if (!best) return undefined
  if (best.load === 0 && active < most) return best
  return shortestQueue(slots, job, short)
}

function shortestQueue(slots: readonly Slot[], job: Job, short: ShortJobs): Slot | undefined {
  const ahead = short.aheadOf(job)
  if (ahead === 0) return undefined
  let best: Slot | undefined
  for (const slot of slots) {
    if (!slot.isReady || !slot.running || slot.load > ahead || slot.load >= (best?.load ?? Infinity)) continue
    if (short.aheadOf(slot.running.job) > 0) best = slot
  }
  return best
}

/** Less to do, or more experience: what it runs is compiled, and the spare ones stay fresh. */
function isBetter(slot: Slot, than: Slot): boolean {
  return slot.load < than.load || (slot.load === than.load && slot.taken > than.taken)
}
