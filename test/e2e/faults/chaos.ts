import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf } from '../../support/children-of.ts'
import type { Ledger } from './ledger.ts'
import { faultPools, type FaultPool } from './place.ts'
import { end, type FaultSite } from './site.ts'

export interface ChaosOptions {
  readonly seconds: number
  /** Goes on until so many were killed. Default 0. */
  readonly atLeast?: number
  /** How long a process lives at most before the next is started, which then replaces it. Default 1500 ms. */
  readonly lifeMs?: number
  /** Of each producer. Default: until it is killed. */
  readonly calls?: number
  /** Of the workers, one after the other. Default: all. */
  readonly pools?: readonly FaultPool[]
}

export interface Chaos {
  /** Workers and producers. */
  readonly kills: number
  /** Processes in which bodies ran, of workers that lived on. */
  readonly slotKills: number
  readonly ledger: Ledger
}

/** A slot is killed so often, at most. */
const slotLifeMs = 400

/**
 * Kills workers, the processes of their slots and producers at random instants, starts others, and lets the last ones
 * finish what was accepted.
 */
export async function killAtRandom(
  site: FaultSite,
  { seconds, atLeast = 0, lifeMs = 1500, calls, pools = faultPools }: ChaosOptions,
): Promise<Chaos> {
  const until = performance.now() + seconds * 1000
  let [kills, slotKills, started] = [0, 0, 0]
  let hasFailed = false
  const isOver = (): boolean => hasFailed || (performance.now() >= until && kills >= atLeast)
  const failed = (error: unknown): never => {
    hasFailed = true
    throw error
  }
  const withSlots = new Set<ChildProcess>()
  const startWorker = async (): Promise<ChildProcess> => {
    const pool = pools[started++ % pools.length] ?? 'async'
    const worker = await site.startWorker({ pool, concurrency: pool === 'async' ? 8 : 2 })
    if (pool === 'processes') withSlots.add(worker)
    return worker
  }
  const startProducer = (): Promise<ChildProcess> => site.startProducer(calls === undefined ? {} : { count: calls })
  const haunted = async (start: () => Promise<ChildProcess>): Promise<void> => {
    let victim = await start()
    while (!isOver()) {
      await sleep(Math.max(0, Math.min(Math.random() * lifeMs, until - performance.now())))
      // The next is there before: starting takes longer than living.
      const next = await start()
      withSlots.delete(victim)
      await end(victim, 'SIGKILL')
      kills++
      victim = next
    }
    withSlots.delete(victim)
    await end(victim, 'SIGKILL')
  }
  const haunt = async (): Promise<void> => {
    while (!isOver()) {
      await sleep(Math.random() * slotLifeMs)
      const slots = [...withSlots].flatMap(({ pid }) => childrenOf(pid ?? 0))
      if (killOne(slots)) slotKills++
    }
  }
  const all = [haunted(startWorker), haunted(startWorker), haunted(startProducer), haunt()]
  // None goes on behind the back of a test that has failed.
  const ends = await Promise.allSettled(all.map((each) => each.catch(failed)))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  await site.startWorker({ concurrency: 32 })
  return { kills, slotKills, ledger: await site.settled() }
}

function killOne(pids: readonly number[]): boolean {
  const pid = pids[Math.floor(Math.random() * pids.length)]
  if (pid === undefined) return false
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
    return false
  }
}
