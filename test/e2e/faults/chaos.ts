import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from './ledger.ts'
import { end, type FaultSite } from './site.ts'

export interface ChaosOptions {
  readonly seconds: number
  /** Goes on until so many were killed. Default 0. */
  readonly atLeast?: number
  /** How long a process lives at most before the next is started, which then replaces it. Default 1500 ms. */
  readonly lifeMs?: number
}

/** Kills workers and producers at random instants, starts others, and lets the last ones finish what was accepted. */
export async function killAtRandom(
  site: FaultSite,
  { seconds, atLeast = 0, lifeMs = 1500 }: ChaosOptions,
): Promise<{ readonly kills: number; readonly ledger: Ledger }> {
  const until = performance.now() + seconds * 1000
  let kills = 0
  const haunted = async (start: () => Promise<ChildProcess>): Promise<void> => {
    let victim = await start()
    while (performance.now() < until || kills < atLeast) {
      await sleep(Math.max(0, Math.min(Math.random() * lifeMs, until - performance.now())))
      // The next is there before: starting takes longer than living.
      const next = await start()
      await end(victim, 'SIGKILL')
      kills++
      victim = next
    }
    await end(victim, 'SIGKILL')
  }
  await Promise.all([
    haunted(() => site.startWorker()),
    haunted(() => site.startWorker()),
    haunted(() => site.startProducer()),
  ])
  await site.startWorker()
  return { kills, ledger: await site.settled() }
}
