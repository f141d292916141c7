import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from './ledger.ts'
import { end, type FaultSite } from './site.ts'

export interface ChaosOptions {
  readonly seconds: number
  /** How long a process lives at most before it is killed. Default 1500 ms. */
  readonly lifeMs?: number
}

/** Kills workers and producers at random instants, starts others, and lets the last ones finish what was accepted. */
export async function killAtRandom(
  site: FaultSite,
  { seconds, lifeMs = 1500 }: ChaosOptions,
): Promise<{ readonly kills: number; readonly ledger: Ledger }> {
  const until = performance.now() + seconds * 1000
  let kills = 0
  const haunted = async (start: () => Promise<ChildProcess>): Promise<void> => {
    while (performance.now() < until) {
      const victim = await start()
      await sleep(Math.max(0, Math.min(Math.random() * lifeMs, until - performance.now())))
      await end(victim, 'SIGKILL')
      kills++
    }
  }
  await Promise.all([
    haunted(() => site.startWorker()),
    haunted(() => site.startWorker()),
    haunted(() => site.startProducer()),
  ])
  await Promise.all([site.startWorker(), site.startWorker()])
  return { kills, ledger: await site.settled() }
}
