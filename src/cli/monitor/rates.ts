import type { ClusterState } from '../../events/cluster-state.ts'

const windowMs = 10_000

interface Sample {
  readonly atMs: number
  readonly events: number
  readonly succeeded: number
  readonly failed: number
}

export interface RatesShown {
  /** All a second, over the last ten seconds. */
  readonly events: number
  readonly succeeded: number
  readonly failed: number
}

/** How much happens in a cluster, from looks at its state. */
export class Rates {
  #samples: Sample[] = []

  /** Looks now; call it about once a second. */
  sample(state: ClusterState, nowMs: number): RatesShown {
    const now: Sample = {
      atMs: nowMs,
      events: state.eventCount,
      succeeded: state.countOf('task-succeeded'),
      failed: state.countOf('task-failed'),
    }
    this.#samples = [...this.#samples.filter(({ atMs }) => nowMs - atMs <= windowMs), now]
    const first = this.#samples[0] ?? now
    const seconds = Math.max(1, (nowMs - first.atMs) / 1000)
    return {
      events: (now.events - first.events) / seconds,
      succeeded: (now.succeeded - first.succeeded) / seconds,
      failed: (now.failed - first.failed) / seconds,
    }
  }
}
