import type { Logger } from '../util/logger.ts'
import type { Request } from './request.ts'

/**
 * Notices that the event loop was held up, and by which task: exactly where a body did it before its first await, else
 * by the tasks that were running.
 */
export class LoopLag {
  readonly #log: Logger
  readonly #warningMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #expectedAt = 0
  #reportedUntil = 0

  constructor(log: Logger, warningMs: number | undefined) {
    this.#log = log
    this.#warningMs = warningMs
  }

  /** Looks from now on; `running` tells what runs. */
  watch(running: () => readonly Request[]): void {
    const warningMs = this.#warningMs
    if (warningMs === undefined) return
    const tick = (): void => {
      const now = performance.now()
      const lagMs = now - this.#expectedAt
      if (lagMs >= warningMs && now > this.#reportedUntil) this.#blockedBySome(lagMs, running())
      this.#expectedAt = now + intervalMs
      this.#timer = setTimeout(tick, intervalMs).unref()
    }
    this.#expectedAt = performance.now() + intervalMs
    this.#timer = setTimeout(tick, intervalMs).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Known exactly. */
  blockedBy(taskName: string, taskId: string, blockedMs: number): void {
    this.#reportedUntil = performance.now() + intervalMs
    this.#log.warn(
      { taskName, taskId, blocked: seconds(blockedMs) },
      `Task {taskName}[{taskId}] blocked the event loop for {blocked}s; ${advice}`,
    )
  }

  #blockedBySome(lagMs: number, running: readonly Request[]): void {
    const names = [...new Set(running.map((request) => request.taskName))].join(', ')
    this.#log.warn(
      { taskName: names || 'no task', blocked: seconds(lagMs), running: running.length },
      `The event loop was blocked for {blocked}s while {taskName} ran; ${advice}`,
    )
  }
}

const intervalMs = 200
const advice = "other tasks had to wait; give it work that awaits, or run it apart: isolate: 'thread'"

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2)
}
