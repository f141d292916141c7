/**
 * The rate limits of one worker: for each task name one start every so often, no bursts, as Celery's buckets of one
 * token. Nothing waits here: who must wait gets a turn, in the order of arrival, and its message goes back to the broker
 * until then. So limited tasks hold no slots and no place in the window.
 */
export class RateLimiter {
  readonly #lanes: Map<string, Lane> = new Map()
  readonly #now: () => number

  /** `now` must not be set back: milliseconds of a monotonic clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Undefined: it may start now, and is counted. Else in how many milliseconds its message is to come back. */
  delayMs(taskName: string, taskId: string, intervalMs: number): number | undefined {
    let lane = this.#lanes.get(taskName)
    if (!lane) this.#lanes.set(taskName, (lane = new Lane()))
    const nowMs = this.#now()
    const turnMs = lane.turn(taskId, intervalMs, nowMs)
    return turnMs === undefined ? undefined : turnMs - nowMs
  }

  /** The rate of the task is another one now: whoever comes back gets a new turn. */
  forget(taskName: string): void {
    this.#lanes.delete(taskName)
  }
}

/** After so long a message whose turn is over is not waited for: another worker has it, or it was revoked. */
const missedAfterMs = 60_000
/** More turns are given out, but not remembered: those tasks queue up again when they come back. */
const mostTurns = 100_000
/** Brokers know whole milliseconds. */
const earlyMs = 2

interface Turn {
  readonly atMs: number
  /** Given to one that came back too late, or too soon after a late one. */
  readonly isSecond: boolean
}

class Lane {
  /** By task id, about in the order in which they were given out. */
  readonly #turns: Map<string, Turn> = new Map()
  #lastStartMs = Number.NEGATIVE_INFINITY
  /** After the last turn of those that wait. */
  #endMs = Number.NEGATIVE_INFINITY
  /** After the last second turn. */
  #secondEndMs = Number.NEGATIVE_INFINITY

  turn(taskId: string, intervalMs: number, nowMs: number): number | undefined {
    this.#forgetMissed(nowMs)
    const own = this.#turns.get(taskId)
    if (own && own.atMs > nowMs + earlyMs) return own.atMs
    this.#turns.delete(taskId)
    const isFree = nowMs + earlyMs >= this.#lastStartMs + intervalMs
    if (isFree && this.#isNext(own, nowMs)) {
      // A little late counts as in time: else the lateness of all would add up.
      this.#lastStartMs = own && nowMs - own.atMs < intervalMs ? own.atMs : nowMs
      return undefined
    }
    const endMs = own ? this.#secondEndMs : Math.max(this.#endMs, this.#secondEndMs)
    const atMs = Math.max(endMs, this.#lastStartMs + intervalMs, nowMs)
    if (own) this.#secondEndMs = atMs + intervalMs
    else this.#endMs = atMs + intervalMs
    if (this.#turns.size < mostTurns) this.#turns.set(taskId, { atMs, isSecond: own !== undefined })
    return atMs
  }

  /** Nobody who waits has an older claim. */
  #isNext(own: Turn | undefined, nowMs: number): boolean {
    if (own?.isSecond) return true
    if (this.#secondEndMs > nowMs + earlyMs) return false
    return own !== undefined || this.#endMs <= nowMs + earlyMs
  }

  #forgetMissed(nowMs: number): void {
    for (const [taskId, { atMs }] of this.#turns) {
      if (atMs + missedAfterMs > nowMs) return
      this.#turns.delete(taskId)
    }
  }
}
