import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationalError } from '../errors.ts'
import type { WaitingForRoom } from './backend.ts'
import { isWithoutRoom, type RedisConnection, RedisConnectionLost } from '../drivers/open-redis.ts'

/** Before a command is sent again to a server that had no room for it. */
const refusedPauseMs = 250

type OnRoom = (waiting: WaitingForRoom | undefined) => void

interface Attempt {
  /** In the order in which they were asked for. */
  readonly number: number
  readonly send: () => Promise<unknown>
  readonly taskId: (() => string) | undefined
  readonly giveUpAt: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * Commands that may run twice, sent again after a connection was lost, or while the server has no room: in their order,
 * so that an older state does not replace a newer one, and until a deadline, after which they reject with what was wrong.
 */
export class PatientCommands {
  readonly #connection: RedisConnection
  readonly #deadlineMs: number
  readonly #onRoom: OnRoom
  /** It was told that states wait. */
  #isTold = false
  #next = 0
  #lost: Attempt[] = []
  #isResending = false
  #isRefused = false
  #closed: OperationalError | undefined

  constructor(connection: RedisConnection, deadlineMs: number, onRoom: OnRoom = () => {}) {
    this.#connection = connection
    this.#deadlineMs = deadlineMs
    this.#onRoom = onRoom
  }

  /**
   * `send` begins in this turn, or, after a loss, behind all that was lost before. `taskId` is of a command by which a task
   * ends: whether those wait for room is told.
   */
  run(send: () => Promise<unknown>, taskId?: () => string): Promise<unknown> {
    const number = this.#next++
    if (this.#lost.length === 0 && this.#connection.isReady && !this.#isTold) {
      return send().catch((error: unknown) => {
        if (!this.#mayPass(error, taskId) || this.#closed) throw error
        return this.#later(number, send, taskId)
      })
    }
    return this.#closed ? Promise.reject(this.#closed) : this.#later(number, send, taskId)
  }

  /** What waits for a connection is rejected; what was sent is not. */
  close(error: OperationalError): void {
    this.#closed = error
    for (const attempt of this.#lost) attempt.reject(error)
    this.#lost = []
  }

  #later(number: number, send: () => Promise<unknown>, taskId: (() => string) | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#lost.push({ number, send, taskId, giveUpAt: performance.now() + this.#deadlineMs, resolve, reject })
      if (!this.#isResending) void this.#resend()
    })
  }

  async #resend(): Promise<void> {
    this.#isResending = true
    while (this.#lost.length > 0) {
      try {
        const firstDeadline = Math.min(...this.#lost.map((attempt) => attempt.giveUpAt))
        await this.#connection.ready(Math.max(0, firstDeadline - performance.now()))
        if (this.#isRefused) await sleep(refusedPauseMs)
        this.#isRefused = false
      } catch (error) {
        this.#giveUp(error as Error)
        continue
      }
      const again = this.#lost.toSorted((a, b) => a.number - b.number)
      this.#lost = []
      const sent = await Promise.all(again.map((attempt) => this.#send(attempt)))
      if (this.#isTold && this.#lost.length === 0 && sent.includes(true)) this.#tell(undefined)
    }
    this.#isResending = false
  }

  /** True: a task ended by it. */
  async #send(attempt: Attempt): Promise<boolean> {
    try {
      attempt.resolve(await attempt.send())
      return attempt.taskId !== undefined
    } catch (error) {
      const isOver = this.#closed !== undefined || performance.now() >= attempt.giveUpAt
      if (this.#mayPass(error, attempt.taskId) && !isOver) this.#lost.push(attempt)
      else attempt.reject(error as Error)
      return false
    }
  }

  #mayPass(error: unknown, taskId: (() => string) | undefined): boolean {
    if (error instanceof RedisConnectionLost) return true
    if (!isWithoutRoom(error)) return false
    this.#isRefused = true
    if (taskId && !this.#isTold) this.#tell({ reason: error as Error, taskId: taskId() })
    return true
  }

  #tell(waiting: WaitingForRoom | undefined): void {
    this.#isTold = waiting !== undefined
    this.#onRoom(waiting)
  }

  #giveUp(error: Error): void {
    const now = performance.now()
    const over = this.#lost.filter((attempt) => attempt.giveUpAt <= now)
    this.#lost = this.#lost.filter((attempt) => attempt.giveUpAt > now)
    for (const attempt of over) attempt.reject(error)
  }
}
